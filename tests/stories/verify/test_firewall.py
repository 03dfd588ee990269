"""S2: from outside only SSH and the gateway are open, though Docker publishes more; wrong rules are taken back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hosts import Host, wait_for
from scan import SCAN, ipv6_network, neighbour

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
