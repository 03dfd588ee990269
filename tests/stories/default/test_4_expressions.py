"""The manual's PromQL, word for word, on the running Prometheus after real server errors (D3)."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import httpx
import pytest
from hosts import Host, wait_for

from tests.manual import EXPRESSIONS, METRICS, SERVER_ERRORS

Answers = list[dict[str, str]]


@pytest.fixture(scope="module")
def prometheus(host: Host) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://{host.address}:9090") as client:
        yield client


def ask(prometheus: httpx.Client, expr: str) -> list[float]:
    """Evaluate an expression now; returns the values of its series."""
    answer = prometheus.post("/api/v1/query", data={"query": expr}).json()
    assert answer["status"] == "success", answer
    return [float(item["value"][1]) for item in answer["data"]["result"]]


@pytest.fixture(scope="module", autouse=True)
def server_errors(host: Host, prometheus: httpx.Client) -> None:
    """Requests without a database, until two scrapes have seen the errors grow."""
    fresh = itertools.count()

    def grown() -> bool:
        status, _ = host.get(f"/api/v1/parts?minPrice={next(fresh)}&maxPrice=1000000")
        rates = ask(prometheus, 'rate(http_server_requests_seconds_count{uri="/parts",status="503"}[5m])')
        return status == 503 and any(rate > 0 for rate in rates)

    host.run("docker compose stop mysql")
    try:
        wait_for(grown, 75, "errors in Prometheus")
    finally:
        host.run("docker compose start mysql")
    wait_for(lambda: host.get("/api/v1/parts?minPrice=1")[0] == 200, 60, "answers again")
    wait_for(lambda: set(host.health().values()) == {"healthy"}, 60, "every service healthy again")


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_the_manual_s_expressions_answer_with_data(prometheus: httpx.Client, expr: str) -> None:
    answers = ask(prometheus, expr)
    assert any(answer == answer and answer >= 0 for answer in answers), answers


@pytest.mark.parametrize("name", METRICS)
def test_the_manual_s_metrics_are_there(prometheus: httpx.Client, name: str) -> None:
    assert ask(prometheus, name) != []


def test_server_errors_are_seen_as_such(prometheus: httpx.Client) -> None:
    """Each series is divided by itself, so that the manual's share of a status that is an error is all of it."""
    assert 100 in ask(prometheus, SERVER_ERRORS)
