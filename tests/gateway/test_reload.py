"""A reload drops nothing: requests go on over kept connections while nginx loads its files again, several times."""

from __future__ import annotations

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx
import pytest

from .conftest import VARIABLES, running_gateway
from .network import Gateway

CLIENTS, RELOADS = 8, 5
RELOAD = ["nginx", "-c", "/etc/nginx/jiucom/nginx.conf", "-s", "reload"]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("reload"), **VARIABLES) as running:
        yield running


def workers(gateway: Gateway) -> set[str]:
    """Return the worker processes that take connections."""
    processes = gateway.container.top()["Processes"] or []
    return {row[1] for row in processes if "worker process" in row[-1] and "shutting down" not in row[-1]}


def keep_asking(gateway: Gateway, method: str, over: Event) -> Counter[str]:
    """Ask on a kept connection, as browsers do; a new one only where the gateway said that it closes this one."""
    seen: Counter[str] = Counter()
    connection = http.client.HTTPConnection(gateway.address, timeout=30)
    while not over.is_set():
        try:
            connection.request(method, "/api/v1/actuator/health", b"x" if method == "POST" else None)
            answer = connection.getresponse()
            answer.read()
            seen[str(answer.status)] += 1
            # A pause, so that reloads also meet idle connections.
            time.sleep(0.01)
        except (OSError, http.client.HTTPException) as fault:
            seen[type(fault).__name__] += 1
            connection.close()
    connection.close()
    return seen


def test_reloads_drop_nothing(gateway: Gateway) -> None:
    over = Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        asking = [pool.submit(keep_asking, gateway, ("GET", "POST")[n % 2], over) for n in range(CLIENTS)]
        try:
            for _ in range(RELOADS):
                before = workers(gateway)
                assert before
                assert gateway.container.exec_run(RELOAD).exit_code == 0
                end = time.monotonic() + 60
                while not (now := workers(gateway)) or now & before:
                    assert time.monotonic() < end, "new processes"
                    time.sleep(0.05)
        finally:
            over.set()
        seen: Counter[str] = sum((one.result() for one in asking), Counter())
    assert set(seen) == {"200"}, seen
    assert seen["200"] > 100
    assert httpx.get(f"{gateway.url}/health").status_code == 200
