"""Containers open to one another only the connections that a service needs (S7), whatever happens to them.

Every container tries every port that listens in another one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hosts import Host, wait_for
from scan import dropped, listening, opened

ON = ("-e", "firewall_isolation=true")
# Who needs whom, with every optional service.
NEEDED = {
    "app": {"mysql:3306", "redis:6379", "zipkin:9411"},
    "mysql-exporter": {"mysql:3306"},
    "redis-exporter": {"redis:6379"},
    "nginx-exporter": {"nginx:8081"},
    "nginx": {"app:8080", "grafana:3000", "zipkin:9411"},
    "grafana": {"prometheus:9090"},
    "report": {"prometheus:9090"},
    "prometheus": {
        "app:8080", "redis-exporter:9121", "mysql-exporter:9104", "zipkin:9411", "nginx:8081", "alertmanager:9093",
        "node-exporter:9100", "nginx-exporter:9113",
    },
}  # fmt: skip
# Containers without a fixed address: any of them may be any other.
SHARED = {"app": {"mysql:3306", "redis:6379", "zipkin:9411", "prometheus:9090"}}
SHARED["report"] = SHARED["app"] | {"app:8080"}


def assert_apart(host: Host) -> None:
    """Each container reaches what it needs, and nothing else."""
    assert opened(host) == NEEDED | SHARED


@pytest.fixture(scope="module")
def apart(host: Host) -> Iterator[Host]:
    """The platform with the rules, of whose absence the first run has convinced itself."""
    everything = opened(host)
    ports = set(listening(host).values())
    assert len(everything) > 10
    assert everything == {name: {port for port in ports if not port.startswith(f"{name}:")} for name in host.inspect()}
    host.apply(*ON)
    host.wait_until_healthy()
    yield host
    host.apply()
    assert "jiucom_isolation" not in host.run("nft list tables")
    assert opened(host) == everything


@pytest.mark.timeout(900)
def test_each_container_reaches_what_it_needs_and_nothing_else(apart: Host) -> None:
    before = dropped(apart)
    assert_apart(apart)
    assert dropped(apart) > before
    apart.unchanged(*ON)


@pytest.mark.timeout(900)
def test_the_whole_platform_works(apart: Host) -> None:
    """Every check of the verification; S7 is among them, and red without the rules."""
    code, said = apart.playbook(*ON, playbook="playbooks/verify.yml")
    assert code == 0, said[-6000:]
    apart.run("systemctl stop jiucom-isolation")
    try:
        code, said = apart.playbook(*ON, playbook="playbooks/verify.yml")
        assert code != 0
        assert "rules not loaded" in said
    finally:
        apart.run("systemctl start jiucom-isolation")
    code, said = apart.playbook(*ON, playbook="playbooks/doctor.yml")
    assert code == 0, said[-6000:]
    # The name of a test's host is known to no DNS.
    assert re.findall("^ +- '?([a-z-]+: .*)'$", said, re.MULTILINE) == ["nginx: public name does not lead here"]


@pytest.mark.timeout(600)
def test_compose_by_hand_and_more_replicas(apart: Host) -> None:
    apart.run("docker compose up -d --force-recreate grafana zipkin")
    apart.wait_until_healthy()
    assert_apart(apart)
    apart.run("docker compose up -d --scale app=3 app")
    try:
        apart.wait_until_healthy()
        third = apart.inspect()["app"][2]["NetworkSettings"]["Networks"]["jiucom-network"]["IPAddress"]
        url = f"http://{third}:8080/api/v1/actuator/health"
        wait_for(
            lambda: '"UP"' in apart.run(f"docker compose exec -T nginx wget -q -O - {url}", check=False),
            60,
            "the replica",
        )
        assert_apart(apart)
    finally:
        apart.run("docker compose up -d --scale app=2 app")
    once = 'import socket; socket.create_connection(("mysql", 3306), 5); print("connected")'
    assert "connected" in apart.run(f"docker compose run --rm -T --no-deps --entrypoint python app -c '{once}'")


@pytest.mark.timeout(900)
def test_docker_s_restart_and_the_host_s(apart: Host) -> None:
    apart.run("systemctl restart docker")
    apart.wait_until_healthy()
    assert_apart(apart)
    apart.boot()
    apart.wait_until_healthy()
    assert_apart(apart)
