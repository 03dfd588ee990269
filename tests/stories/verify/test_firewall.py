"""S2: from outside only SSH and the gateway are open, though Docker publishes more; wrong rules are taken back.

S7: between containers only what a service needs is open.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from hosts import Host, wait_for
from scan import SCAN, ipv6_network, neighbour, reached

# What stands for other services: their addresses in the network, and ports.
PRETENDED = {"mysql": ("172.30.80.11", 3306), "grafana": ("172.30.80.15", 3000)}
PORT = "http://127.0.0.1:8080/health"


@pytest.fixture
def ipv6(host: Host) -> Iterator[tuple[str, str]]:
    with ipv6_network(host) as found:
        yield found


def test_what_docker_publishes_is_closed_too(host: Host) -> None:
    """From the host itself the port answers, and Docker's own rules let it in."""
    assert "0.0.0.0:8080" in host.run("docker ps --format '{{.Ports}}'")
    assert "HTTP Error 502" in host.run(f"python3 -c \"import urllib.request as r; r.urlopen('{PORT}')\"", check=False)
    assert neighbour(host, SCAN, host.address).split() == ["22", "80"]


def test_ipv6_is_as_closed(host: Host, ipv6: tuple[str, str]) -> None:
    network, address = ipv6
    assert neighbour(host, SCAN, address, network=network).split() == ["22"]


def test_without_it_the_port_is_open(host: Host) -> None:
    """What is seen above is the firewall's doing."""
    host.run("systemctl stop jiucom-firewall")
    try:
        assert "8080" in neighbour(host, SCAN, host.address).split()
    finally:
        host.run("systemctl start jiucom-firewall")


def test_docker_s_rules_are_left_alone(host: Host) -> None:
    before = host.run("iptables-save -t nat | grep -v '^#'")
    host.run("systemctl restart jiucom-firewall")
    assert host.run("iptables-save -t nat | grep -v '^#'") == before


def test_rules_that_lock_ansible_out_are_taken_back(host: Host) -> None:
    wrong = '{"firewall_ssh_networks": ["192.0.2.0/24"]}'
    code, output = host.playbook("-e", wrong)
    assert code != 0
    assert "locked Ansible out" in output, output[-2000:]
    wait_for(lambda: "jiucom_firewall" not in host.run("nft list tables"), 90, "the rules taken back")
    assert host.run("systemctl is-enabled jiucom-firewall", check=False).strip() == "disabled"
    host.apply()
    assert host.run("systemctl is-enabled jiucom-firewall").strip() == "enabled"


def listens(host: Host, namespace: str) -> bool:
    return "LISTEN" in host.run(f"ip netns exec {namespace} ss -Hltn")


@pytest.fixture
def booted(host: Host) -> None:
    host.boot()


@pytest.fixture
def pretended(host: Host) -> Iterator[dict[str, str]]:
    """Servers at other services' addresses, in the platform's bridge without containers; yields `address:port` by service."""
    bridge = f"br-{host.run('docker network inspect --format {{.Id}} jiucom-network')[:12]}"
    try:
        for name, (address, port) in PRETENDED.items():
            host.run(
                f"ip netns add {name} && ip link add {name} type veth peer name eth0 netns {name} && "
                f"ip link set {name} master {bridge} up && ip -n {name} address add {address}/24 dev eth0 && "
                f"ip -n {name} link set eth0 up"
            )
            host.run(f"systemd-run --unit {name} ip netns exec {name} python3 -m http.server {port} --bind {address}")
            wait_for(partial(listens, host, name), 30, name)
        yield {name: f"{address}:{port}" for name, (address, port) in PRETENDED.items()}
    finally:
        host.run("; ".join(f"systemctl stop {name}; ip netns delete {name}" for name in PRETENDED), check=False)


def test_the_gateway_reaches_dashboards_and_no_database(host: Host, booted: None, pretended: dict[str, str]) -> None:
    """With rules that were loaded before the bridge was there, and after."""
    [nginx] = host.inspect()["nginx"]
    assert reached(host, nginx, pretended.values()) == {pretended["grafana"]}
    host.run("systemctl stop jiucom-isolation")
    try:
        assert reached(host, nginx, pretended.values()) == set(pretended.values())
    finally:
        host.run("systemctl start jiucom-isolation")
    assert reached(host, nginx, pretended.values()) == {pretended["grafana"]}
