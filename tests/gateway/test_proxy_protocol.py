"""The PROXY protocol: the address that a trusted proxy names before a connection counts, and nobody else's does (C7)."""

from __future__ import annotations

import http.client
import secrets
import ssl
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest
from docker.models.containers import Container
from plugins import load

from testing.images import image

from .conftest import UPSTREAM
from .network import Gateway, network

# The gateway's ports in its container: what is published, and what is asked inside.
OUTSIDE = {"none": 10080, "selfsigned": 10443}
INSIDE = {"none": 80, "selfsigned": 443}
HEALTH = "/api/v1/actuator/health"
PREFIX = b"\r\n\r\n\0\r\nQUIT\n"
ADMINISTRATOR = "198.51.100.7"
CHECK = load("roles/gateway/library/gateway_check.py")
# Sends bytes from another container, and prints what comes back.
SEND = """
import socket, sys
with socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10) as connection:
    connection.sendall(bytes.fromhex(sys.argv[3]))
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    print(answer.decode())
"""


def version_1(client: str) -> bytes:
    """The header in text."""
    version = ip_address(client).version
    to = "192.0.2.80" if version == 4 else "2001:db8::80"
    return f"PROXY TCP{version} {client} {to} 4711 443\r\n".encode()


def version_2(client: str) -> bytes:
    """The header in bytes."""
    address = ip_address(client).packed
    body = address + bytes(len(address)) + struct.pack("!HH", 4711, 443)
    return PREFIX + bytes([0x21, 0x11 if len(address) == 4 else 0x21]) + struct.pack("!H", len(body)) + body


# Of a proxy that asks for itself, as for its health checks.
LOCAL = {"version 1": b"PROXY UNKNOWN\r\n", "version 2": PREFIX + bytes([0x20, 0]) + b"\0\0"}


@dataclass
class Proxied:
    """A gateway that trusts this machine's address in its network, and another machine there that it does not trust."""

    gateway: Gateway
    machine: str
    stranger: Container
    tls: str

    def ask(
        self, before: bytes, path: str, port: int = 0, headers: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """GET from this machine, with these bytes before the request or, with TLS, before the handshake."""
        with CHECK.connect(self.url(port or OUTSIDE[self.tls]), before) as connection:
            lines = [f"GET {path} HTTP/1.1", "Host: shop.example.kr", "Connection: close"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            answer = http.client.HTTPResponse(connection)
            answer.begin()
            answer.read()
            return answer

    def url(self, port: int) -> str:
        """Where a port of its container is."""
        return f"{'http' if self.tls == 'none' else 'https'}://{self.gateway.address}:{port}"


@pytest.fixture(scope="module", params=OUTSIDE)
def proxied(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    home = tmp_path_factory.mktemp(f"proxy-{request.param}")
    with network(home.name) as net:
        stranger = net.start(image("python"), ["app", "grafana", "zipkin"], entrypoint=["python3", "-uc", UPSTREAM])
        variables = {
            "gateway_tls": request.param,
            "gateway_proxy_protocol": True,
            "gateway_trusted_proxies": [net.bridges["IPv4"]],
            "gateway_admin_networks": [ADMINISTRATOR],
            "gateway_rate_limit": 1,
            "gateway_rate_burst": 3,
            "platform_public_url": "https://shop.example.kr",
            # certificate.py must not take another gateway of this machine for this one.
            "platform_gateway_address": "192.0.2.1",
            "tracing_trusted_networks": [],
        }
        yield Proxied(net.gateway(home, variables), net.bridges["IPv4"], stranger, request.param)


@pytest.mark.parametrize("header", [version_1, version_2])
@pytest.mark.parametrize("client", ["203.0.113.7", "2001:db8:7::7"])
def test_the_address_in_the_header_counts(proxied: Proxied, header: Callable[[str], bytes], client: str) -> None:
    path = f"{HEALTH}?{secrets.token_hex(8)}"
    answer = proxied.ask(header(client), path, headers={"X-Forwarded-For": "198.51.100.1", "X-Real-IP": "198.51.100.1"})
    assert answer.headers["X-Seen-X-Forwarded-For"] == client
    assert answer.headers["X-Seen-X-Real-IP"] == client
    assert proxied.gateway.line(path)["client"] == client


@pytest.mark.parametrize("header", LOCAL.values(), ids=LOCAL.keys())
def test_a_proxy_s_own_connections_are_answered(proxied: Proxied, header: bytes) -> None:
    answer = proxied.ask(header, HEALTH)
    assert answer.status == 200
    assert answer.headers["X-Seen-X-Forwarded-For"] == proxied.machine


@pytest.mark.parametrize("before", [b"", b"PROXY TCP4 203.0.113.7\r\n", PREFIX + b"\x31\x11\0\x0c" + bytes(12)])
def test_a_connection_without_a_header_is_closed(proxied: Proxied, before: bytes) -> None:
    path = f"{HEALTH}?{secrets.token_hex(8)}"
    with pytest.raises((ConnectionError, ssl.SSLError)):
        proxied.ask(before, path, headers={"X-Forwarded-For": "203.0.113.7"})
    last = f"{HEALTH}?{secrets.token_hex(8)}"
    proxied.ask(version_1("203.0.113.7"), last)
    assert path.encode() not in b"".join(proxied.gateway.lines(last))


@pytest.mark.parametrize("header", [version_1, version_2])
def test_a_stranger_s_header_is_not_believed(proxied: Proxied, header: Callable[[str], bytes]) -> None:
    """What it sends is answered, or redirected to TLS; its own address is what counts."""
    path = f"{HEALTH}?{secrets.token_hex(8)}"
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n".encode()
    sent = [proxied.gateway.address, str(OUTSIDE["none"]), (header("203.0.113.7") + request).hex()]
    code, said = proxied.stranger.exec_run(["python3", "-c", SEND, *sent])
    assert code == 0, said
    assert isinstance(said, bytes)
    assert said.startswith(b"HTTP/1.1 301 " if proxied.tls != "none" else b"HTTP/1.1 200 ")
    client = proxied.gateway.line(path)["client"]
    proxied.stranger.reload()
    (own,) = proxied.stranger.attrs["NetworkSettings"]["Networks"].values()
    assert client == own["IPAddress"]


def test_the_scheme_is_the_public_one_and_never_the_client_s(proxied: Proxied) -> None:
    answer = proxied.ask(version_1("203.0.113.7"), HEALTH, headers={"X-Forwarded-Proto": "http"})
    assert answer.headers["X-Seen-X-Forwarded-Proto"] == "https"


def test_clients_behind_the_proxy_have_a_limit_each(proxied: Proxied) -> None:
    flood = [proxied.ask(version_2("203.0.113.9"), "/api/v1/parts").status for _ in range(12)]
    assert 429 in flood
    assert proxied.ask(version_2("203.0.113.10"), "/api/v1/parts").status == 200


def test_networks_of_administrators_are_those_of_the_true_address(proxied: Proxied) -> None:
    assert proxied.ask(version_1(ADMINISTRATOR), "/grafana/login").status == 200
    assert proxied.ask(version_1("198.51.100.8"), "/grafana/login").status == 403


def test_inside_no_header_is_needed_and_no_address_believed(proxied: Proxied) -> None:
    inside = INSIDE[proxied.tls]
    answer = proxied.ask(b"", HEALTH, inside, {"X-Forwarded-For": "203.0.113.7"})
    assert answer.headers["X-Seen-X-Forwarded-For"] == proxied.machine
    if proxied.tls == "none":
        assert proxied.ask(version_1("203.0.113.7"), HEALTH, inside).status == 400


def test_the_published_ports_require_the_header(proxied: Proxied) -> None:
    (part,) = [file for file in (proxied.gateway.home / ".services").iterdir() if "10080" in file.read_text()]
    assert "0.0.0.0:80:10080" in part.read_text()
    assert ("0.0.0.0:443:10443" in part.read_text()) == (proxied.tls != "none")


def test_the_verification_sees_a_port_without_the_protocol(proxied: Proxied) -> None:
    passed, seen = CHECK.proxied({"proxied": proxied.url(OUTSIDE[proxied.tls])})
    assert passed, seen
    passed, seen = CHECK.proxied({"proxied": proxied.url(INSIDE[proxied.tls])})
    assert not passed, seen
