"""What the template of compose.yaml relies on: of images only what their tests cover, and how long the chain of services is."""

from __future__ import annotations

import re

import pytest
import yaml
from plugins import ROOT

TEMPLATE = (ROOT / "roles/stack/templates/compose.yaml.j2").read_text()
TABLE = yaml.safe_load((ROOT / "roles/platform/defaults/main/services.yml").read_text())["platform_services_defaults"]
# A service's block ends where the next one or the networks begin.
BLOCKS = dict(re.findall(r"^  ([\w-]+):\n((?:(?:    |\{).*\n|\n)+)", TEMPLATE.partition("\nservices:\n")[2], re.M))
# The API has tests of its own settings, and so has the report, which board sends.
SERVICES = sorted(TABLE.keys() - {"app", "report"})


def own_tests(service: str) -> str:
    """Return the functions of tests/images that start a service."""
    functions = [
        part
        for path in (ROOT / "tests/images").glob("*.py")
        for part in re.split(r"^(?=def )", path.read_text(), flags=re.M)
    ]
    own = [part for part in functions if re.search(rf'\bstart\(\s*"{service}"', part)]
    return "".join(own).replace("SEOUL", '"TZ"')


def used(service: str) -> set[str]:
    """List the names of variables and the mounted paths of one service."""
    variables = re.findall(r"^      ([A-Z][A-Z0-9_]+): ", BLOCKS[service], re.M)
    paths = re.findall(r"^      - \S+?:(/[\w./-]+)", BLOCKS[service], re.M)
    return {*variables, *paths}


def test_the_template_is_read_as_it_is() -> None:
    assert TABLE.keys() <= BLOCKS.keys()
    assert used("zipkin") >= {"STORAGE_TYPE", "ES_HOSTS", "MEM_MAX_SPANS", "JAVA_OPTS"}
    assert used("redis") == {"/data", "/usr/local/etc/redis", "/run/secrets"}
    assert "/host" in used("node-exporter")


@pytest.mark.parametrize("service", SERVICES)
def test_what_compose_uses_is_tested(service: str) -> None:
    assert [name for name in sorted(used(service)) if f'"{name}"' not in own_tests(service)] == []


@pytest.mark.parametrize("service", SERVICES)
def test_the_account_is_tested(service: str) -> None:
    assert f'"{TABLE[service]["uid"]}:{TABLE[service]["gid"]}"' in own_tests(service)


def test_stopping_waits_for_the_longest_chain() -> None:
    needs = {name: re.findall(r"^      ([\w-]+): \{condition: ", block, re.M) for name, block in BLOCKS.items()}
    assert needs["nginx"] == ["app", "grafana", "zipkin"]

    def levels(name: str) -> int:
        return 1 + max(map(levels, needs[name]), default=0)

    told = yaml.safe_load((ROOT / "roles/stack/vars/main.yml").read_text())["_stack_levels"]
    assert told == max(map(levels, TABLE))
