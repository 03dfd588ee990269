"""The platform's images come from a private registry with an authority and a login of its own (docs/en/closed-networks.md)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import docker
import pytest
import yaml
from hosts import ROOT, SERVICES, Host

from testing.images import image
from tests.registry import PASSWORD, USER, Private, build, private

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]
PYTHON = "python:3.13.9-slim-trixie"
# The API's own image is built on the host.
PULLED = [name for name in SERVICES if name != "app"]


@pytest.fixture(scope="module")
def registry(host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Private]:
    """A registry in the host's network, with this machine's images under the names of the official ones."""
    daemon, directory = docker.from_env(), tmp_path_factory.mktemp("registry")
    network = host.name.removesuffix("-default")
    with private(daemon, build(daemon, directory), network, directory) as made:
        for name in PULLED:
            made.push(image(name), reference(name))
        made.push(image("python"), PYTHON)
        yield made


@cache
def reference(name: str) -> str:
    """The image of a service as an operator's table names it; MySQL's by the version that this machine has."""
    if name != "mysql":
        return str(TABLE[name]["image"])
    said = docker.from_env().containers.run(image("mysql"), ["--version"], entrypoint="mysqld", remove=True).decode()
    return f"mysql:{re.findall(r'Ver ([0-9.]+)', said)[0]}"


@pytest.fixture(scope="module")
def given(registry: Private, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    """The variables of an operator who has such a registry."""
    values = {
        "images_sources": ["registry"],
        "images_registry_prefix": f"{registry.address}/",
        "images_registry_ca": str(registry.authority),
        "images_registry_user": USER,
        "images_registry_password": PASSWORD,
        "platform_images_overrides": {"mysql": {"ref": reference("mysql")}},
        "platform_image_pins": {},
    }
    file: Path = tmp_path_factory.mktemp("variables") / "registry.json"
    file.write_text(json.dumps(values))
    return ("-e", f"@{file}")


@pytest.mark.timeout(900)
def test_a_wrong_login_is_refused_before_anything_is_touched(host: Host, given: tuple[str, ...]) -> None:
    before = host.ids()
    code, said = host.playbook(*given, "-e", "images_registry_password=other")
    assert code != 0
    assert "images_registry_password" in said
    assert "images_registry_ca" in host.playbook(*given, "-e", "images_registry_ca=/nonexistent")[1]
    assert host.ids() == before


@pytest.mark.timeout(1800)
def test_the_platform_runs_on_its_images(host: Host, registry: Private, given: tuple[str, ...]) -> None:
    host.apply(*given)
    host.wait_until_healthy()
    used = {name: group[0]["Config"]["Image"] for name, group in host.inspect().items()}
    assert {name for name, ref in used.items() if ref.startswith(f"{registry.address}/")} == set(PULLED), used
    host.unchanged(*given)
    code, said = host.playbook(*given, playbook="playbooks/verify.yml")
    assert code == 0, said[-6000:]
    assert PASSWORD not in host.run("cat compose.yaml; cat .env 2> /dev/null || true")


@pytest.mark.timeout(1800)
def test_back_to_the_images_of_before(host: Host, registry: Private) -> None:
    host.apply()
    host.wait_until_healthy()
    assert not any(registry.address in group[0]["Config"]["Image"] for group in host.inspect().values())
    host.run(f"docker logout {registry.address}; rm -rf /etc/docker/certs.d/{registry.address}")
    host.unchanged()
