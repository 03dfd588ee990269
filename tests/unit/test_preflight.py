"""The filters that preflight stands on."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter import preflight, secrets
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]


def test_the_table_fits_a_host_of_two_cores() -> None:
    assert preflight.service_faults({}, TABLE, 2) == []


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
        ({"app": {"role": "cache"}}, "no such setting"),
    ],
)
def test_service_faults_name_what_to_change(overrides: dict[str, object], named: str) -> None:
    faults = preflight.service_faults(overrides, TABLE, 2)
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
        ({"mysql": {"ref": "mysql:8"}}, "which moves"),
        ({"mysql": {"ref": "mysql:8.4"}}, "which moves"),
        ({"mysql": {"ref": "mysql:lts"}}, "which moves"),
        ({"mysql": {"ref": "python:3.13-slim"}}, "which moves"),
        ({"mysql": {"ref": "mysql:8.0.43@sha256:short"}}, "no digest"),
        ({"mysql": {"ref": "Not/An Image:1.2.3"}}, "not an image reference"),
        ("mysql", "must be a mapping"),
    ],
)
def test_image_faults_name_what_to_change(overrides: object, named: str) -> None:
    [fault] = preflight.image_faults(overrides, ["mysql", "redis"])
    assert named in fault


@pytest.mark.parametrize(
    "ref",
    [
        "mysql:8.0.44",
        "mirror.example:5000/mysql:8.0.44",
        "mysql@sha256:" + 64 * "a",
        "mysql:lts@sha256:" + 64 * "a",
        "prom/prometheus:v3.5.0",
        "",
    ],
)
def test_pinned_images_are_right(ref: str) -> None:
    assert preflight.image_faults({"mysql": {"ref": ref}}, ["mysql"]) == []


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


@pytest.mark.parametrize(
    ("name", "value", "named"),
    [
        ("images_sources", "registry", "must be a list"),
        ("images_sources", ["registry"], ""),
        ("api_replicas", "2", ""),
        ("api_mail_username", 1234, "put it in quotes"),
        ("api_mail_username", 1e5, "put it in quotes"),
        ("api_mail_username", True, "put it in quotes"),
        ("api_mail_username", "01234", ""),
    ],
)
def test_types_that_ansible_would_convert_silently(name: str, value: object, named: str) -> None:
    options = {
        "images_sources": {"type": "list"},
        "api_replicas": {"type": "int"},
        "api_mail_username": {"type": "str"},
    }
    faults = preflight.type_faults({name: value}, options)
    assert [name in fault and named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize("value", [12345678, 1.5, True, None, ["a"]])
def test_a_secret_that_is_not_a_text_is_refused(value: object) -> None:
    [fault] = secrets.secret_faults({"a_password": value}, {"a_password": {}})
    assert "put it in quotes" in fault
    assert str(value) not in fault.replace("a_password", "").replace(type(value).__name__, "")


def test_ports_are_compared_as_numbers() -> None:
    ports = [
        {"variable": "platform_gateway_port", "address": "0.0.0.0", "port": "8080"},
        {"variable": "platform_direct_port", "address": "127.0.0.1", "port": 8080},
    ]
    [fault] = preflight.port_faults(ports)  # type: ignore[arg-type]
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
    faults = preflight.network_faults(subnet, address)
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize("origin", ["*", "https://jiucom.com", "http://localhost:5173"])
def test_origins(origin: str) -> None:
    assert preflight.origin_faults([origin]) == []


@pytest.mark.parametrize("origin", ["jiucom.com", "https://jiucom.com/", "ftp://jiucom.com", "https://a b"])
def test_malformed_origins_are_named(origin: str) -> None:
    assert origin in preflight.origin_faults([origin])[0]


def test_misspelled_variables_come_with_the_right_name_and_foreign_ones_pass() -> None:
    found = preflight.split_unknown(
        ["gateway_rate_limt", "api_seed", "docker_users", "images_bucket"],
        ["gateway_rate_limit", "api_seed", "docker_hold", "images_sources"],
    )
    [fault] = found["misspelled"]
    assert "gateway_rate_limt" in fault
    assert "gateway_rate_limit?" in fault
    assert found["foreign"] == ["docker_users", "images_bucket"]


def test_variables_of_an_earlier_release_come_with_what_to_do() -> None:
    found = preflight.split_unknown(["docker_logs", "docker_users"], ["docker_log"], {"docker_logs": "set docker_log"})
    assert found == {"misspelled": ["docker_logs is no longer read: set docker_log"], "foreign": ["docker_users"]}


def test_no_variable_of_an_earlier_release_is_read_and_each_that_is_named_in_its_place_is() -> None:
    former = yaml.safe_load((ROOT / "roles/platform/vars/main/changes.yml").read_text())["_platform_former_variables"]
    files = (ROOT / "roles").glob("*/meta/argument_specs.yml")
    known = {name for file in files for name in yaml.safe_load(file.read_text())["argument_specs"]["main"]["options"]}
    assert not former.keys() & known
    named = {word for said in former.values() for word in re.findall(r"(?:set |-e )(\w+)", said)}
    assert named
    assert named <= known


@pytest.mark.parametrize("address", ["", "localhost", "10.0.0.256", "eth0", "0.0.0.0/0"])
def test_a_bind_is_an_address(address: str) -> None:
    [fault] = preflight.port_faults([{"variable": "platform_gateway_port", "address": address, "port": 80}])
    assert "platform_gateway_bind" in fault


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "203.0.113.5", "fd00::5"])
def test_addresses_of_both_families_are_binds(address: str) -> None:
    assert preflight.port_faults([{"variable": "platform_gateway_port", "address": address, "port": 80}]) == []


def test_a_taken_port_is_named_with_its_variable() -> None:
    ports = [{"variable": "platform_gateway_port", "address": "::", "port": "80"}]
    [fault] = preflight.taken_faults(ports, [{"address": "127.0.0.1", "port": 80}])
    assert "platform_gateway_port" in fault
    assert preflight.taken_faults(ports, [{"address": "127.0.0.1", "port": 8080}]) == []


@pytest.mark.parametrize(
    ("wanted", "taken", "free"),
    [
        ("192.0.2.7", "192.0.2.8", True),
        ("192.0.2.7", "192.0.2.7", False),
        ("192.0.2.7", "0.0.0.0", False),
        ("0.0.0.0", "127.0.0.1", False),
    ],
)
def test_a_port_may_be_taken_at_another_address(wanted: str, taken: str, free: bool) -> None:
    ports = [{"variable": "platform_gateway_port", "address": wanted, "port": 80}]
    assert (preflight.taken_faults(ports, [{"address": taken, "port": 80}]) == []) is free


@pytest.mark.parametrize(
    ("subnet", "address", "named"),
    [
        ("", "0.0.0.0", ""),
        ("", "::1", ""),
        ("", "::", "set platform_network_subnet_ipv6"),
        ("fd00:80::/64", "::", ""),
        ("fd00:80::/120", "::", "/112 or larger"),
        ("10.0.0.0/8", "::", "/112 or larger"),
        ("fd00::1/64", "::", "host bits"),
    ],
)
def test_ipv6_is_published_with_a_network_of_its_own(subnet: str, address: str, named: str) -> None:
    faults = preflight.ipv6_faults(subnet, [{"variable": "platform_gateway_port", "address": address, "port": 80}])
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(
    ("project", "network", "path", "named"),
    [
        ("jiucom", "jiucom-network", "/opt/jiucom", ""),
        ("Staging", "jiucom-network", "/opt/jiucom", "platform_project"),
        ("-a", "jiucom-network", "/opt/jiucom", "platform_project"),
        ("jiucom", "a network", "/opt/jiucom", "platform_network_name"),
        ("jiucom", "jiucom-network", "/opt/my platform", "platform_dir"),
        ("jiucom", "jiucom-network", "opt/jiucom", "platform_dir"),
        ("jiucom", "jiucom-network", "/opt/../etc", "platform_dir"),
        ("jiucom", "jiucom-network", "/", "platform_dir"),
    ],
)
def test_names_and_directory(project: str, network: str, path: str, named: str) -> None:
    faults = preflight.place_faults(project, network, path)
    assert [named in fault for fault in faults] == ([True] if named else [])


NETWORKS = [
    {"name": "other", "subnets": ["172.31.80.0/20"]},
    {"name": "jiucom-network", "subnets": ["172.30.80.0/24"]},
    {"name": "host", "subnets": []},
]
ROUTES = [
    {"destination": "10.8.0.0/16", "device": "tun0"},
    {"destination": "172.30.80.0/24", "device": "br-1"},
    {"destination": "172.31.80.0/20", "device": "br-2"},
    {"destination": "192.168.7.9", "device": "eth1"},
    {"destination": "unreachable", "device": ""},
]


@pytest.mark.parametrize(
    ("subnet", "named"),
    [
        ("172.30.80.0/24", ""),
        ("172.31.80.0/24", "Docker's network other"),
        ("10.8.4.0/24", "tun0"),
        ("192.168.7.0/24", "eth1"),
        ("fd00::/64", ""),
    ],
)
def test_the_network_overlaps_with_no_other(subnet: str, named: str) -> None:
    faults = preflight.overlap_faults([subnet, ""], "jiucom-network", NETWORKS, ROUTES)
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(
    ("destination", "device", "right"),
    [
        ("172.30.80.0/24", "br-bd2228534c56", True),
        ("172.30.0.0/16", "br-bd2228534c56", False),
        ("172.30.80.0/24", "eth1", False),
    ],
)
def test_the_bridge_that_a_stopped_docker_left_is_ours(destination: str, device: str, right: bool) -> None:
    routes = [{"destination": destination, "device": device}]
    assert (preflight.overlap_faults(["172.30.80.0/24"], "jiucom-network", [], routes) == []) is right


@pytest.mark.parametrize(
    ("url", "port", "proxied", "tls", "named"),
    [
        ("http://localhost", 80, False, "none", ""),
        ("http://localhost:8081", "8081", False, "none", ""),
        ("http://localhost", 8081, False, "none", "platform_gateway_port"),
        ("http://localhost:70000", 70000, False, "none", "a port lies between"),
        ("https://shop.example.kr", 80, True, "none", ""),
        ("https://shop.example.kr", 80, False, "none", "gateway_tls (acme, files or selfsigned)"),
        ("https://shop.example.kr", 443, False, "acme", ""),
        ("https://shop.example.kr:8443", "8443", False, "files", ""),
        ("https://shop.example.kr", 8443, False, "files", "platform_gateway_https_port"),
        ("https://shop.example.kr", 8443, True, "selfsigned", ""),
        ("http://shop.example.kr", 443, False, "acme", "write https://"),
        ("http://shop.example.kr", 443, True, "selfsigned", "write https://"),
        ("shop.example.kr", 80, True, "none", "platform_public_url"),
        ("http://shop.example.kr/", 80, True, "none", "without a path"),
        ("ftp://shop.example.kr", 80, True, "none", "platform_public_url"),
        ("http://", 80, True, "none", "platform_public_url"),
    ],
)
def test_public_urls(url: str, port: object, proxied: bool, tls: str, named: str) -> None:
    faults = preflight.url_faults(url, port, proxied, tls)  # type: ignore[arg-type]
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(
    ("name", "mode", "named"),
    [
        ("shop.example.kr", "acme", ""),
        ("xn--9d0b.kr", "acme", ""),
        ("localhost", "acme", "no name with a domain"),
        ("192.0.2.7", "acme", "no name with a domain"),
        ("2001:db8::7", "acme", "no name with a domain"),
        ("*.example.kr", "acme", "no name with a domain"),
        ("shop_1.example.kr", "acme", "no name with a domain"),
        ("localhost", "selfsigned", ""),
        ("192.0.2.7", "files", ""),
        ("2001:db8::7", "selfsigned", ""),
        ("shop, evil", "selfsigned", "not a host name"),
    ],
)
def test_names_of_a_certificate(name: str, mode: str, named: str) -> None:
    faults = preflight.name_faults([name], mode)
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(
    ("zone", "named"),
    [
        ("Asia/Seoul", ""),
        ("UTC", ""),
        ("asia/seoul", "Asia/Seoul?"),
        ("Asia/Seuol", "Asia/Seoul?"),
        ("KST", "not a time zone"),
        ("UTC+9", "not a time zone"),
        ("Korea", "not a time zone"),
    ],
)
def test_time_zones(zone: str, named: str) -> None:
    faults = preflight.zone_faults(zone)
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(
    ("value", "right"), [(1, True), ("10", True), (0, False), (11, False), ("many", False), (None, False)]
)
def test_ranges(value: object, right: bool) -> None:
    faults = preflight.range_faults({"api_replicas": value}, {"api_replicas": [1, 10]})
    assert (faults == []) is right
    assert all("api_replicas" in fault for fault in faults)


@pytest.mark.parametrize(("size", "named"), [("384mb", ""), ("1G", "more than 85%"), ("much", "cache_maxmemory")])
def test_sizes_fit_into_the_container(size: str, named: str) -> None:
    faults = preflight.size_faults("cache_maxmemory", size, "512m", 0.85, "redis")
    assert [named in fault for fault in faults] == ([True] if named else [])


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ("https://jiucom.example.com", True),
        ("http://shop.example:8080", True),
        ("no-reply@example.kr", True),
        ("jiucom.example.com", True),
        ("https://jiucom.com", False),
        ("https://examples-shop.kr", False),
        ("https://jiucom.test", False),
        ("", False),
    ],
)
def test_examples_are_found(value: str, fault: bool) -> None:
    assert (preflight.example_faults({"platform_public_url": value}) != []) is fault
