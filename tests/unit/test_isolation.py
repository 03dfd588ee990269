"""Fixed addresses, and the connections that services need, from the service table."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter.compose import compose_part
from ansible_collections.jiucom.platform.plugins.filter.isolation import (
    connections,
    isolation_faults,
    service_addresses,
)
from test_compose import ROW, SETTINGS
from test_services import TABLE

ROWS: dict[str, dict[str, Any]] = {
    "nginx": {"port": 80, "address": 10, "connects": ["app", "away"]},
    "app": {"port": 8080, "connects": ["mysql"]},
    "mysql": {"port": 3306, "address": 11},
    "exporter": {"port": 9113, "address": 12, "connects": ["nginx:8081"]},
}
NETWORK = {"gateway": "10.0.0.20", "subnets": ["10.0.0.0/24", "fd00:80::/64"], "cluster": {}, "isolated": True}


def test_without_isolation_the_gateway_alone_has_a_fixed_address() -> None:
    assert service_addresses(ROWS, {**NETWORK, "isolated": False}) == {"nginx": {"ipv4_address": "10.0.0.20"}}


def test_servers_of_a_redis_cluster_keep_their_addresses() -> None:
    cluster = {"mysql": "10.0.0.122", "off": "10.0.0.123"}
    for isolated in (False, True):
        found = service_addresses(ROWS, {**NETWORK, "cluster": cluster, "isolated": isolated})
        assert found["mysql"] == {"ipv4_address": "10.0.0.122"}
        assert "off" not in found


def test_fixed_addresses_lie_where_docker_hands_out_none() -> None:
    assert service_addresses(ROWS, NETWORK) == {
        "nginx": {"ipv4_address": "10.0.0.20", "ipv6_address": "fd00:80::8000:0:0:a"},
        "mysql": {"ipv4_address": "10.0.0.11", "ipv6_address": "fd00:80::8000:0:0:b"},
        "exporter": {"ipv4_address": "10.0.0.12", "ipv6_address": "fd00:80::8000:0:0:c"},
    }


def test_connections_are_those_of_the_services_that_are_on() -> None:
    four, six = connections(ROWS, NETWORK)
    assert (four["family"], four["subnet"], four["shared"]) == ("ip", "10.0.0.0/24", "10.0.0.128/25")
    assert four["needed"] == {
        "10.0.0.20 . 10.0.0.128/25 . 8080": "nginx to app",
        "10.0.0.128/25 . 10.0.0.11 . 3306": "app to mysql",
        "10.0.0.12 . 10.0.0.20 . 8081": "exporter to nginx:8081",
    }
    assert (six["family"], six["type"], six["shared"]) == ("ip6", "ipv6_addr", "fd00:80::/65")
    assert list(six["needed"])[1] == "fd00:80::/65 . fd00:80::8000:0:0:b . 3306"


def test_the_gateway_s_address_is_its_own() -> None:
    [fault] = isolation_faults(ROWS, {**NETWORK, "gateway": "10.0.0.11"})
    assert fault.startswith("platform_gateway_address 10.0.0.11 is that of mysql")
    assert isolation_faults(ROWS, NETWORK) == []
    assert isolation_faults(ROWS, {**NETWORK, "gateway": "10.0.0.11", "isolated": False}) == []


def test_rows_name_services_and_have_addresses_of_their_own() -> None:
    numbers = [row["address"] for row in TABLE.values() if "address" in row]
    assert len(set(numbers)) == len(numbers)
    # The smallest network is a /26; Docker hands out its upper half.
    assert all(2 <= number < 31 for number in numbers)
    named = {str(other).partition(":")[0] for row in TABLE.values() for other in row.get("connects", [])}
    assert {name for name in named if "{{" not in name} <= TABLE.keys()


def test_who_has_replicas_or_runs_once_has_no_fixed_address() -> None:
    """Compose refuses a second container at a fixed address; opensearch is in no network with others."""
    assert {name for name, row in TABLE.items() if "address" not in row} == {"app", "report", "opensearch"}


@pytest.mark.parametrize("networks", [["jiucom"], ["jiucom", "traces"]])
def test_compose_gives_the_address_in_the_platform_s_network_alone(networks: list[str]) -> None:
    definition, addresses = {"image": "none:1.2.3", "health": "true"}, {"toy": {"ipv4_address": "10.0.0.9"}}
    text = compose_part(definition, "toy", {**ROW, "networks": networks}, {**SETTINGS, "addresses": addresses})
    part = yaml.safe_load("x: &no-proxy {http_proxy: ''}\n" + text)["toy"]
    assert part["networks"] == {name: {"ipv4_address": "10.0.0.9"} if name == "jiucom" else {} for name in networks}
