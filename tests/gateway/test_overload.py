"""More requests than the replicas may have, and those that no replica answers in time, are answered by the gateway."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from .conftest import VARIABLES, running_gateway
from .network import Gateway

MOST = 3


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    variables = {**VARIABLES, "_gateway_replica_requests": MOST, "_gateway_answer_seconds": 1}
    with running_gateway(tmp_path_factory.mktemp("overload"), upstreams=2, **variables) as running:
        yield running


def test_a_request_too_many_is_refused_without_asking_a_replica(gateway: Gateway) -> None:
    with ExitStack() as held:
        for _ in range(2 * MOST):
            client = held.enter_context(socket.create_connection((gateway.address, 80), timeout=10))
            client.sendall(b"GET /api/v1/held HTTP/1.1\r\nHost: gateway\r\n\r\n")
        refused = ask_until(gateway, 502)
        assert refused.json()["code"] == "JIUCOM-502"
        assert int(refused.headers["Retry-After"]) > 0
        assert gateway.line(refused.url.raw_path.decode())["upstream"] == "app"
    ask_until(gateway, 200)


def test_no_answer_in_time_is_answered_with_when_to_come_back(gateway: Gateway) -> None:
    answer = httpx.get(f"{gateway.url}/api/v1/silent")
    assert (answer.status_code, answer.json()["code"]) == (504, "JIUCOM-504")
    assert int(answer.headers["Retry-After"]) > 0


def ask_until(gateway: Gateway, status: int) -> httpx.Response:
    """Return the first answer with this status."""
    end = time.monotonic() + 10
    while (answer := httpx.get(f"{gateway.url}/api/v1/one-more?{secrets.token_hex(8)}")).status_code != status:
        assert time.monotonic() < end, answer
        time.sleep(0.1)
    return answer
