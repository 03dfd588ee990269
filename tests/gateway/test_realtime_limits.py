"""Notifications at the gateway: the requests of a session reach one replica, and one client's connections are counted."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from .conftest import VARIABLES, running_gateway
from .network import Gateway

REPLICAS = 3
CONNECTIONS = 5

PATHS = ("xhr", "xhr_streaming", "xhr_send", "websocket")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    # With the port that goes past the gateway's rules, too.
    variables = VARIABLES | {"gateway_realtime_connections": CONNECTIONS, "platform_direct_bind": "127.0.0.1"}
    with running_gateway(tmp_path_factory.mktemp("replicated"), REPLICAS, **variables) as running:
        yield running


@pytest.fixture(params=["", ":8080"], ids=["gateway", "direct"])
def client(gateway: Gateway, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url + request.param, transport=httpx.HTTPTransport(retries=10)) as opened:
        yield opened


def replica(client: httpx.Client, path: str) -> str:
    """Which replica answered; what the limit refuses is asked again."""
    while (answer := client.post(path)).status_code == 429:
        time.sleep(0.1)
    return str(answer.headers["X-Replica"])


def test_a_session_s_requests_reach_one_replica(client: httpx.Client) -> None:
    found = []
    for _ in range(8):
        session = secrets.token_hex(4)
        # The first segment is the client's choice, too.
        paths = [f"/api/v1/ws/{n:03}/{session}/{path}" for n, path in itertools.product((0, 999), PATHS)]
        (one,) = {replica(client, path) for path in paths}
        found.append(one)
    assert len(set(found)) > 1


def test_requests_without_a_session_are_spread(client: httpx.Client) -> None:
    for path in ("/api/v1/ws/info", "/api/v1/ws/websocket", "/api/v1/ws"):
        assert len({replica(client, path) for _ in range(40)}) == REPLICAS


def open_(gateway: Gateway, path: str) -> httpx.Response:
    """Begin an answer that does not end; what the limit of requests refuses, after other tests, is asked again for a while."""
    client = httpx.Client(base_url=gateway.url)
    for _ in range(50):
        answer = client.send(client.build_request("GET", path), stream=True)
        if answer.status_code != 429:
            break
        answer.close()
        time.sleep(0.1)
    return answer


def test_connections_of_a_client(gateway: Gateway) -> None:
    held = []
    try:
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            held = list(threads.map(lambda n: open_(gateway, f"/api/v1/ws/0/held-{n}/xhr"), range(CONNECTIONS)))
        assert {each.status_code for each in held} == {200}
        answer = httpx.get(f"{gateway.url}/api/v1/ws/info")
        assert (answer.status_code, answer.json()["code"]) == (429, "JIUCOM-429")
        assert answer.headers["Retry-After"] == "1"
        # Everything else is there.
        assert httpx.get(f"{gateway.url}/api/v1/parts").status_code == 200
    finally:
        for each in held:
            each.close()
    assert eventually_let_in(gateway)


def eventually_let_in(gateway: Gateway) -> bool:
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if httpx.get(f"{gateway.url}/api/v1/ws/info").status_code == 200:
            return True
        time.sleep(0.1)
    return False


def test_requests_of_a_client(gateway: Gateway) -> None:
    with httpx.Client(base_url=gateway.url) as client:
        answers = [client.post(f"/api/v1/ws/0/{secrets.token_hex(4)}/xhr_send") for _ in range(300)]
        codes = [answer.status_code for answer in answers]
        assert codes[0] == 200
        assert 429 in codes
        # They are not the requests that the rest of the API counts.
        assert {client.get("/api/v1/parts").status_code for _ in range(20)} == {200}
    assert eventually_let_in(gateway)
