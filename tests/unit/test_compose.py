"""The parts of compose.yaml: what they use of images is tested, values arrive as they were written, stopping has its time."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter.compose import compose_part, service_list
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]
# The definitions of every role's services, as templates.
SOURCES = {path: yaml.safe_load(path.read_text()) for path in ROOT.glob("roles/*/vars/main/*.yml")}
DEFINITIONS: dict[str, dict[str, Any]] = {
    name: definition
    for content in SOURCES.values()
    for variable, services in content.items()
    if re.fullmatch(r"_(?!platform|stack)[a-z]+_services", variable)
    for name, definition in services.items()
}
# The API has tests of its own settings, and so have the report, which board sends, and the jobs, which Python runs;
# replicas are MySQL's image (tests/stories/replica).
TESTED = sorted(TABLE.keys() - {"app", "report", "trace-jobs", "mysql-replica-1", "mysql-replica-2"})
SETTINGS = {"stop_grace_seconds": 30, "log_max_size": "10m", "log_max_files": 5, "ulimits": {}, "services": ["here"]}
ROW = {"uid": 1, "gid": 2, "cpus": 0.5, "memory": "64m", "cpus_reserved": 0.1, "memory_reserved": "32m"}


def own_tests(service: str) -> str:
    """Return the functions of tests/images that start a service."""
    functions = [
        part
        for path in (ROOT / "tests/images").glob("*.py")
        for part in re.split(r"^(?=def )", path.read_text(), flags=re.M)
    ]
    own = [part for part in functions if re.search(rf'\bstart\(\s*"{service}"', part)]
    return "".join(own).replace("SEOUL", '"TZ"')


def environment(service: str) -> set[str]:
    """Name a service's variables, also where its environment is put together from other mappings."""
    given = DEFINITIONS[service]["compose"].get("environment", {})
    if isinstance(given, dict):
        return set(given)
    named = [content.get(name) for content in SOURCES.values() for name in re.findall(r"_\w+", given)]
    mappings = [one for one in named if isinstance(one, dict)]
    return {key for one in mappings for key, value in one.items() if not isinstance(value, dict)} | {
        key for one in mappings for value in one.values() if isinstance(value, dict) for key in value
    }


def used(service: str) -> set[str]:
    """Name the variables and the mounted paths of one service."""
    paths = [
        re.sub(r":ro.*$", "", volume).rpartition(":")[2]
        for volume in DEFINITIONS[service]["compose"].get("volumes", [])
    ]
    return {*environment(service), *paths}


def test_every_service_has_a_definition_and_it_is_read_as_it_is() -> None:
    assert TABLE.keys() == DEFINITIONS.keys()
    elasticsearch = {"ES_HOSTS", "ES_INDEX", "ES_INDEX_SHARDS", "ES_INDEX_REPLICAS", "ES_CREDENTIALS_FILE"}
    mounted = {"/etc/zipkin", "/run/secrets"}
    assert used("zipkin") == {"STORAGE_TYPE", "MEM_MAX_SPANS", "JAVA_OPTS", *elasticsearch, *mounted}
    assert used("redis") == {"/data", "/usr/local/etc/redis", "/run/secrets"}
    assert "/host" in used("node-exporter")


@pytest.mark.parametrize("service", TESTED)
def test_files_and_variables_that_compose_uses_are_tested(service: str) -> None:
    assert [name for name in sorted(used(service)) if f'"{name}"' not in own_tests(service)] == []


@pytest.mark.parametrize("service", TESTED)
def test_the_account_is_tested(service: str) -> None:
    assert f'"{TABLE[service]["uid"]}:{TABLE[service]["gid"]}"' in own_tests(service)


def test_stopping_waits_for_the_longest_chain() -> None:
    needs = {name: list(one["compose"].get("depends_on", {})) for name, one in DEFINITIONS.items()}
    assert needs["nginx"] == ["app", "grafana", "zipkin"]

    def levels(name: str) -> int:
        return 1 + max(map(levels, needs[name]), default=0)

    told = yaml.safe_load((ROOT / "roles/stack/vars/main/main.yml").read_text())["_stack_levels"]
    assert told == max(map(levels, TABLE))


NASTY = [
    "CORP\\noreply",
    "shop$mail",
    "${HOME} $$ $1",
    '"지우컴 알림" <no-reply@jiucom.example>',
    "yes",
    "0123",
    "1e5",
    "22:22",
    "null",
    "a: b",
    "# no comment",
    "*no-proxy-at-all",
    "{x}",
    "[1]",
    "two\nlines",
    " blank ",
    "",
    "trailing\\",
    "'single'",
    "@at",
    "!tag",
    "%percent",
]


def test_values_reach_the_container_as_they_were_written(tmp_path: Path) -> None:
    """Compose's own reading of the file is the judge."""
    values = {f"V{n}": value for n, value in enumerate(NASTY)}
    definition = {"image": "none:1.2.3", "environment": values, "health": 'test "$(id -u)" = 1', "command": NASTY}
    part = compose_part(definition, "toy", ROW, SETTINGS)
    text = "x-no-proxy: &no-proxy\n  http_proxy: ''\nservices:\n" + "".join(
        f"  {line}" for line in part.splitlines(True)
    )
    text += "networks: {jiucom: {}}\n"
    (tmp_path / "compose.yaml").write_text(text)
    # In an environment where `$name` would be replaced by something.
    run = subprocess.run(
        ["docker", "compose", "config", "--format", "json", "--no-interpolate"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    interpolated = subprocess.run(
        ["docker", "compose", "config", "--format", "json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert run.stderr == interpolated.stderr == ""
    found = yaml.safe_load(interpolated.stdout)["services"]["toy"]
    seen = {name: value.replace("$$", "$") for name, value in found["environment"].items() if name != "http_proxy"}
    assert seen == values
    assert [word.replace("$$", "$") for word in found["command"]] == NASTY
    assert found["healthcheck"]["test"][1].replace("$$", "$") == 'test "$(id -u)" = 1'


def test_health_checks_ask_no_proxy() -> None:
    definition = {"image": "none:1.2.3", "health": "wget x"}
    closed = yaml.safe_load("x: &no-proxy {http_proxy: ''}\n" + compose_part(definition, "toy", ROW, SETTINGS))["toy"]
    assert closed["environment"] == {"http_proxy": ""}
    assert closed["healthcheck"]["test"] == ["CMD-SHELL", "wget x"]
    through = yaml.safe_load(compose_part({**definition, "proxies": True}, "toy", ROW, SETTINGS))["toy"]
    assert "environment" not in through
    assert through["healthcheck"]["test"] == ["CMD-SHELL", "http_proxy= HTTP_PROXY= wget x"]


def test_a_key_without_a_place_is_an_error() -> None:
    with pytest.raises(ValueError, match="no place for devices"):
        compose_part({"image": "none:1.2.3", "health": "true", "devices": ["/dev/kvm"]}, "toy", ROW, SETTINGS)


def test_services_that_are_off_are_left_out() -> None:
    definitions = {
        name: {"compose": {"image": "none:1.2.3", "health": "true"}, "files": {"a": "b"}} for name in ("on", "off")
    }
    [service] = service_list(definitions, {"on": ROW}, SETTINGS)
    assert (service["name"], service["uid"], service["gid"], service["files"]) == ("on", 1, 2, {"a": "b"})


def test_a_service_depends_on_what_is_in_the_file_alone() -> None:
    """Compose refuses a file with a dependency that is not there, as in a play of some roles only."""
    started = {"condition": "service_started"}

    def depends_on(*others: str) -> object:
        definition = {"image": "none:1.2.3", "health": "true", "depends_on": dict.fromkeys(others, started)}
        text = "x: &no-proxy {http_proxy: ''}\n" + compose_part(definition, "toy", ROW, SETTINGS)
        return yaml.safe_load(text)["toy"].get("depends_on")

    assert depends_on("here") == {"here": started}
    assert depends_on("here", "elsewhere") == {"here": started}
    assert depends_on("elsewhere") is None
