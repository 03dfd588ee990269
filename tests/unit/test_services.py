"""The service table and what is derived from it."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter import services
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]
MANUAL = ("mysql", "redis", "app", "nginx", "prometheus", "grafana", "redis-exporter", "mysql-exporter", "zipkin")


@pytest.mark.parametrize(("size", "expected"), [("512m", 2**29), ("2g", 2**31), ("1.5g", 3 * 2**29), ("64MB", 2**26)])
def test_sizes(size: str, expected: int) -> None:
    assert services.to_bytes(size) == expected


@pytest.mark.parametrize("size", ["", "2", "2 g", "two", "-1g"])
def test_bad_sizes(size: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        services.to_bytes(size)


def test_shares_of_a_size() -> None:
    assert services.share_of("512m", 0.75) == "384m"
    assert services.share_of("2g", 0.5) == "1024m"


def test_the_limits_are_the_manual_s() -> None:
    assert services.limits(TABLE["app"]) == {
        "NanoCpus": 2_000_000_000, "Memory": 2**30, "MemorySwap": 2**30, "MemoryReservation": 2**29, "CpuShares": 512,
    }  # fmt: skip


def test_cpu_shares_are_in_the_proportion_of_the_reservations() -> None:
    shares = {name: services.limits(row)["CpuShares"] for name, row in TABLE.items()}
    assert shares["mysql"] == 2 * shares["redis"]
    assert shares["app"] / shares["nginx"] == pytest.approx(5, rel=0.01)


def test_nine_services_are_on_until_a_switch_says_more() -> None:
    off = {name: {**row, "enabled": row.get("enabled", True) is True} for name, row in TABLE.items()}
    assert sorted(services.enabled_services(off)) == sorted(MANUAL)
    off["report"]["enabled"] = "true"
    assert "report" in services.enabled_services(off)


@pytest.mark.parametrize(
    ("value", "on"), [(True, True), ("true", True), ("yes", True), (False, False), ("false", False), ("", False)]
)
def test_switches_may_be_texts(value: object, on: bool) -> None:
    assert ("toy" in services.enabled_services({"toy": {"enabled": value}})) is on


def test_overrides_change_single_values() -> None:
    changed = services.enabled_services({"app": TABLE["app"]}, {"app": {"memory": "2g"}})
    assert changed["app"] == {**TABLE["app"], "memory": "2g"}


def test_rows_name_roles_and_share_no_port_and_no_user_with_the_reader_of_the_host() -> None:
    roles = {path.name for path in (ROOT / "roles").iterdir()}
    assert {row["role"] for row in TABLE.values()} <= roles
    ports = [row["port"] for row in TABLE.values() if "port" in row]
    assert len(ports) == len(set(ports))
    # It mounts the host's files: a user that owns another service's secrets could read them.
    readers = [name for name, row in TABLE.items() if row["uid"] == TABLE["node-exporter"]["uid"]]
    assert readers == ["node-exporter"]


@pytest.mark.parametrize(
    ("bind", "port", "url"),
    [
        ("0.0.0.0", 80, "http://127.0.0.1"),
        ("203.0.113.5", "8080", "http://203.0.113.5:8080"),
        ("::", 80, "http://[::1]"),
        ("fd00::5", 81, "http://[fd00::5]:81"),
    ],
)
def test_the_host_s_own_way_to_a_published_port(bind: str, port: object, url: str) -> None:
    assert services.local_url(bind, port) == url  # type: ignore[arg-type]


def test_the_host_s_own_way_by_https() -> None:
    assert services.local_url("0.0.0.0", 443, "https") == "https://127.0.0.1"
    assert services.local_url("::", "8443", "https") == "https://[::1]:8443"


def test_the_gateway_listens_at_both_families_where_the_network_has_ipv6() -> None:
    ports = [
        {"service": "nginx", "address": "0.0.0.0", "port": 80},
        {"service": "grafana", "address": "0.0.0.0", "port": 3000},
        {"service": "nginx", "address": "203.0.113.5", "port": 443},
    ]
    assert services.bindings(services.both_families(ports, "")) == services.bindings(ports)
    both = services.bindings(services.both_families(ports, "fd00:80::/64"))
    assert both == ["0.0.0.0:80", "[::]:80", "0.0.0.0:3000", "203.0.113.5:443"]


def test_published_ports_by_service() -> None:
    ports = [
        {"service": "nginx", "address": "::", "port": 80},
        {"service": "nginx", "address": "::", "port": 8443, "target": 443},
        {"service": "gone", "address": "0.0.0.0", "port": 81},
    ]
    assert services.published(ports, {"nginx": {"port": 80}, "app": {"port": 8080}}) == {
        "nginx": ["[::]:80:80", "[::]:8443:443"],
        "app": [],
    }
    assert services.bindings(ports[:1]) == ["[::]:80"]
