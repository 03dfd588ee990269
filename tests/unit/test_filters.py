"""The filters that preflight stands on."""

from __future__ import annotations

import pytest
import yaml
from plugins import ROOT, load

platform = load("roles/platform/filter_plugins/platform.py")
secrets = load("roles/platform/filter_plugins/platform_secrets.py")
TABLE = yaml.safe_load((ROOT / "roles/platform/defaults/main/services.yml").read_text())["platform_services_defaults"]


@pytest.mark.parametrize(("size", "expected"), [("512m", 2**29), ("2g", 2**31), ("1.5g", 3 * 2**29), ("64MB", 2**26)])
def test_sizes(size: str, expected: int) -> None:
    assert platform.to_bytes(size) == expected


@pytest.mark.parametrize("size", ["", "2", "2 g", "two", "-1g"])
def test_bad_sizes(size: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        platform.to_bytes(size)


def test_shares_are_in_the_proportion_of_the_reservations() -> None:
    shares = {name: platform.cpu_shares(row["cpus_reserved"]) for name, row in TABLE.items()}
    assert shares["mysql"] == 2 * shares["redis"]
    assert shares["app"] / shares["nginx"] == pytest.approx(5, rel=0.01)


def test_the_table_is_the_manuals() -> None:
    assert platform.limits(TABLE["app"]) == {
        "NanoCpus": 2_000_000_000, "Memory": 2**30, "MemorySwap": 2**30, "MemoryReservation": 2**29, "CpuShares": 512,
    }  # fmt: skip
    assert platform.service_faults({}, TABLE, 2) == []


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"aap": {"memory": "2g"}}, "aap"),
        ({"app": {"memroy": "2g"}}, "memroy"),
        ({"app": {"memory": "2 gigs"}}, "platform_services_overrides.app.memory"),
        ({"app": {"cpus": "two"}}, "platform_services_overrides.app.cpus"),
        ({"app": {"cpus": 8.0}}, "2 cores"),
        ({"app": {"port": 8081}}, "platform_gateway_port"),
        ({"app": {"memory": "256m"}}, "memory_reserved is above memory"),
        ({"app": {"cpus": 0.1}}, "cpus_reserved is above cpus"),
        ({"app": 3}, "platform_services_overrides.app"),
    ],
)
def test_service_faults_name_what_to_change(overrides: dict[str, object], named: str) -> None:
    faults = platform.service_faults(overrides, TABLE, 2)
    assert len(faults) == 1
    assert named in faults[0]


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ({"mysqll": {"ref": "mysql:8.0.44"}}, "platform_images_overrides.mysqll"),
        ({"mysql": {"tag": "8.0.44"}}, "platform_images_overrides.mysql.tag"),
        ({"mysql": "mysql:8.0.44"}, '{ref: "mysql:1.2.3"}'),
        ({"mysql": {"ref": "mysql"}}, "platform_images_overrides.mysql.ref"),
        ({"mysql": {"ref": "mirror.example:5000/mysql"}}, "platform_images_overrides.mysql.ref"),
        ({"mysql": {"ref": "mysql:latest"}}, "latest"),
        ("mysql", "must be a mapping"),
    ],
)
def test_image_faults_name_what_to_change(overrides: object, named: str) -> None:
    [fault] = platform.image_faults(overrides, ["mysql", "redis"])
    assert named in fault


@pytest.mark.parametrize("ref", ["mysql:8.0.44", "mirror.example:5000/mysql:8.0.44", "mysql@sha256:" + 64 * "a", ""])
def test_pinned_images_are_right(ref: str) -> None:
    assert platform.image_faults({"mysql": {"ref": ref}}, ["mysql"]) == []


@pytest.mark.parametrize(
    ("value", "rule", "named"),
    [
        ("", {}, "is not set"),
        ("secret\n", {}, "line break"),
        ("two\nlines", {}, "line break"),
        ("se#cr$et", {"without": "#;$"}, "# $"),
        ("s" * 31, {"bytes": 32}, "31 bytes, and needs 32"),
        ("s" * 15, {}, "15 characters, and needs 16"),
        ("everybody-knows-it", {}, "publishes"),
        ("sixteen-or-more-#", {"without": ";"}, ""),
        ("가" * 16, {"bytes": 48}, ""),
    ],
)
def test_secret_faults_name_the_variable_and_never_the_value(value: str, rule: dict[str, object], named: str) -> None:
    faults = secrets.secret_faults({"a_password": value}, {"a_password": rule}, 16, ["everybody-knows-it"])
    assert ["a_password" in fault and named in fault for fault in faults] == ([True] if named else [])
    assert not value or not any(value in fault for fault in faults)


def test_a_secret_that_no_inventory_sets_is_named() -> None:
    assert secrets.secret_faults({}, {"a_password": {}}) == ["a_password is not set"]


@pytest.mark.parametrize(("value", "fault"), [("registry", True), (["registry"], False)])
def test_texts_are_no_lists(value: object, fault: bool) -> None:
    options = {"images_sources": {"type": "list"}, "api_replicas": {"type": "int"}}
    faults = platform.text_faults({"images_sources": value, "api_replicas": "2"}, options)
    assert ["images_sources" in line for line in faults] == [True] * fault


def test_ports_are_compared_as_numbers() -> None:
    ports = [{"variable": "platform_gateway_port", "port": "8080"}, {"variable": "platform_direct_port", "port": 8080}]
    [fault] = platform.port_faults(ports)
    assert "platform_gateway_port" in fault
    assert "platform_direct_port" in fault


@pytest.mark.parametrize(
    ("subnet", "address", "named"),
    [
        ("172.30.80.0/24", "172.30.80.10", ""),
        ("172.30.80.0/33", "172.30.80.10", "platform_network_subnet"),
        ("172.30.80.0/24", "172.30.81.10", "outside"),
        ("172.30.80.0/24", "172.30.80.1", "taken by the network"),
        ("172.30.80.0/24", "172.30.80.200", "hands out"),
        ("172.30.80.0/28", "172.30.80.5", "too small"),
    ],
)
def test_network_faults(subnet: str, address: str, named: str) -> None:
    faults = platform.network_faults(subnet, address)
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize("origin", ["*", "https://jiucom.com", "http://localhost:5173"])
def test_origins(origin: str) -> None:
    assert platform.origin_faults([origin]) == []


@pytest.mark.parametrize("origin", ["jiucom.com", "https://jiucom.com/", "ftp://jiucom.com", "https://a b"])
def test_malformed_origins_are_named(origin: str) -> None:
    assert origin in platform.origin_faults([origin])[0]


def test_unknown_variables_come_with_the_nearest_known() -> None:
    [fault] = platform.unknown_variables(["gateway_rate_limt", "api_seed"], ["gateway_rate_limit", "api_seed"])
    assert "gateway_rate_limt" in fault
    assert "gateway_rate_limit?" in fault
