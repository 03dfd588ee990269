"""Administration is seen from its networks alone; who comes over Docker's bridge is in none of them (C7), by IPv4 and IPv6."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from docker.models.containers import Container

from testing.images import image

from .conftest import ADMIN_PASSWORD, UPSTREAM
from .network import Gateway, family_of, network
from .test_answers import SECURITY

PATHS = ["/zipkin/", "/prometheus/graph", "/api/v1/actuator/prometheus", "/api/v1/actuator/loggers", "/grafana/login"]
OPERATOR = ("operator", ADMIN_PASSWORD)
# Asks for an address as the operator does, and prints the status.
ASK = """
import base64, sys, urllib.error, urllib.request
token = base64.b64encode(sys.argv[2].encode()).decode()
try:
    print(urllib.request.urlopen(urllib.request.Request(sys.argv[1], headers={"Authorization": f"Basic {token}"})).status)
except urllib.error.HTTPError as refusal:
    print(refusal.code)
"""


@dataclass
class Site:
    """A gateway that is published on this machine, and the one machine in its network from which administration is seen."""

    gateway: Gateway
    inside: Container
    # Of each family: the gateway's own address, and this machine's in the network.
    addresses: dict[str, str]
    bridges: dict[str, str]
    # The published port.
    ports: dict[str, str]

    def ask_from_inside(self, url: str) -> int:
        """GET with the operator's password from the machine of the administrators."""
        code, said = self.inside.exec_run(["python3", "-c", ASK, url, ":".join(OPERATOR)])
        assert code == 0, said
        assert isinstance(said, bytes)
        return int(said)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("networks")
    subnet = f"fd00:{secrets.token_hex(2)}:{secrets.token_hex(2)}::/64"
    with network(home.name, subnet) as net:
        aliases = ["app", "grafana", "zipkin", "prometheus"]
        inside = net.start(image("python"), aliases, entrypoint=["python3", "-uc", UPSTREAM])
        variables: dict[str, Any] = {
            "gateway_admin_networks": [address.strip("[]") for address in net.addresses(inside).values()],
            "gateway_admin_users": {"operator": ADMIN_PASSWORD},
            "gateway_prometheus": True,
            "platform_network_subnet_ipv6": subnet,
            "tracing_trusted_networks": [],
        }
        gateway = net.gateway(home, variables, ports={"80/tcp": None})
        gateway.container.reload()
        ports = {family_of(one["HostIp"]): one["HostPort"] for one in gateway.container.ports["80/tcp"] or []}
        yield Site(gateway, inside, net.addresses(gateway.container), net.bridges, ports)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_the_network_of_the_administrators_sees_administration(site: Site, family: str, path: str) -> None:
    assert site.ask_from_inside(f"http://{site.addresses[family]}{path}") == 200


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
@pytest.mark.parametrize("way", ["loopback", "bridge", "past the host"])
def test_others_get_403_whatever_password_they_have(site: Site, way: str, family: str, path: str) -> None:
    """From this machine: by its loopback address, by its address in the network, and straight to the container."""
    loopback = {"IPv4": "127.0.0.1", "IPv6": "[::1]"}
    where = {
        "loopback": f"{loopback[family]}:{site.ports[family]}",
        "bridge": f"{site.bridges[family]}:{site.ports[family]}",
        "past the host": site.addresses[family],
    }
    asked = f"{path}?{secrets.token_hex(8)}"
    for auth in (None, OPERATOR):
        answer = httpx.get(f"http://{where[way]}{asked}", auth=auth)
        assert (answer.status_code, answer.json()["code"]) == (403, "JIUCOM-A002")
        assert answer.headers["Content-Type"].startswith("application/json")
        assert {name: answer.headers.get_list(name) for name in SECURITY} == {
            name: [SECURITY[name]] for name in SECURITY
        }
    seen = {json.loads(line)["client"] for line in site.gateway.lines(asked) if asked.encode() in line}
    assert seen <= {address.strip("[]") for address in site.bridges.values()}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("family", ["IPv4", "IPv6"])
def test_an_administrator_over_the_bridge_is_not_trusted(site: Site, family: str, path: str) -> None:
    """By the published port of the host, as a container does: its address is lost on the way."""
    assert site.ask_from_inside(f"http://{site.bridges[family]}:{site.ports[family]}{path}") == 403


def test_others_change_no_logger(site: Site) -> None:
    """The API's own token does not open what the network closes."""
    answer = httpx.post(f"{site.gateway.url}/api/v1/actuator/loggers/x", headers={"Authorization": "Bearer token"})
    assert answer.status_code == 403


def test_other_paths_are_open_to_every_network(site: Site) -> None:
    for path in ("/health", "/api/v1/actuator/health", "/api/v1/parts"):
        assert httpx.get(f"http://127.0.0.1:{site.ports['IPv4']}{path}").status_code == 200
