"""Clients that hold connections by being slow are let go, and cost the API nothing; others are served meanwhile."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator

import httpx
import pytest

from .conftest import VARIABLES, running_gateway
from .network import Gateway

OPEN = 200
CONNECTIONS = 5


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    variables = VARIABLES | {
        "_gateway_patience_seconds": 1,
        "gateway_connections": CONNECTIONS,
        "gateway_swagger": False,
    }
    with running_gateway(tmp_path_factory.mktemp("slow"), **variables) as running:
        yield running


def connect(gateway: Gateway, request: bytes) -> socket.socket:
    """Send the beginning of a request; waiting for the gateway longer than this is a failure."""
    connection = socket.create_connection((gateway.address, 80), timeout=60)
    connection.sendall(request)
    return connection


def rest(connection: socket.socket) -> bytes:
    """Return what comes until the gateway closes, or breaks, the connection."""
    said = b""
    try:
        while piece := connection.recv(65536):
            said += piece
    except ConnectionResetError:
        pass
    return said


def unique() -> str:
    return f"/api/v1/actuator/health?{secrets.token_hex(8)}"


def test_slow_headers(gateway: Gateway) -> None:
    """Slowloris: a header a second would go on for ever, were each piece waited for anew."""
    held = [connect(gateway, f"GET {unique()} HTTP/1.1\r\nHost: x\r\nX-A: ".encode()) for _ in range(OPEN)]
    assert httpx.get(gateway.url + unique()).status_code == 200
    for connection in held:
        assert rest(connection).partition(b"\r\n")[0] in (b"", b"HTTP/1.1 408 Request Time-out")
        connection.close()


def test_a_header_in_pieces_does_not_buy_time(gateway: Gateway) -> None:
    with connect(gateway, f"GET {unique()} HTTP/1.1\r\nHost: x\r\n".encode()) as connection:
        connection.settimeout(0.3)
        closed = False
        for _ in range(100):
            try:
                if connection.recv(1000) == b"":
                    closed = True
                    break
            except TimeoutError:
                connection.sendall(b"X-A: a\r\n")
            except OSError:
                closed = True
                break
        assert closed


def test_slow_bodies_do_not_reach_the_api(gateway: Gateway) -> None:
    path = unique()
    with connect(gateway, f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\na".encode()) as connection:
        assert httpx.get(gateway.url + unique()).status_code == 200
        rest(connection)
    line = gateway.line(path)
    assert (line["status"], line["upstream"]) == (408, "")


def test_slow_readers(gateway: Gateway) -> None:
    path = f"/api/v1/actuator/health/large?{secrets.token_hex(8)}"
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(60)
        connection.connect((gateway.address, 80))
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        # It is logged once it has ended, though nobody has read it.
        line = gateway.line(path)
        assert line["bytes"] < 8_000_000
    assert len(httpx.get(gateway.url + path).content) == 8_000_000


def test_requests_of_one_client_at_a_time(gateway: Gateway) -> None:
    request = b"GET /api/v1/actuator/health/held HTTP/1.1\r\nHost: x\r\n\r\n"
    held = [connect(gateway, request) for _ in range(CONNECTIONS)]
    try:
        end = time.monotonic() + 30
        while (answer := httpx.get(gateway.url + unique())).status_code == 200:
            assert time.monotonic() < end
        assert (answer.status_code, answer.json()["code"], answer.headers["Retry-After"]) == (429, "JIUCOM-429", "1")
    finally:
        for connection in held:
            connection.close()


@pytest.mark.parametrize(
    "path", ["/", "/api/v1/swagger-ui.html", "/api/v1/swagger-ui/x.js", "/api/v1/v3/api-docs", "/prometheus/"]
)
def test_disabled_paths_are_not_found(gateway: Gateway, path: str) -> None:
    answer = httpx.get(gateway.url + path)
    assert (answer.status_code, answer.json()["code"]) == (404, "JIUCOM-404")
