"""Debian 12's own Docker is too old: preflight says what to type, and what it says to type works."""

from __future__ import annotations

import pytest
from docker_hosts import Machine


@pytest.fixture
def host(machines: dict[str, Machine]) -> Machine:
    """A Debian 12 whose operator has installed its Docker and Compose."""
    return machines["old"]


def test_an_old_engine_is_refused_with_the_remedy(host: Machine) -> None:
    host.sh("apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends docker.io")
    host.start("kept", "--restart", "always")
    before = host.versions()
    assert before["docker.io"].startswith("20.10.")
    run = host.role()
    assert run.code == 2
    assert "Docker Engine on the host is 20.10." in run.said
    assert "run once with --tags docker -e docker_upgrade=true" in run.said
    assert host.versions() == before


def test_the_remedy_works(host: Machine) -> None:
    before = host.versions()
    assert host.apply(docker_upgrade=True) > 0
    after = host.versions()
    assert after["docker.io"] > "26"
    assert host.sh("docker compose version --short") >= "2.24"
    changed = {name for name in before if after.get(name) != before[name]}
    assert changed == {"docker.io"}, "nothing else is upgraded, nothing is removed"
    assert host.held() == {"docker.io", "docker-cli", "docker-compose", "docker-buildx"}
    assert host.sh("docker inspect --format '{{.State.Running}}' kept") == "true"
    assert host.apply() == 0
