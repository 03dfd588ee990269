"""Metrics of requests that end unusually (D2), of scanners, and of a busy pool."""

import asyncio
import logging
import random
import string
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from urllib.parse import quote

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.types import Message, Receive

from jiucom.app import operations
from jiucom.paths import CONTEXT_PATH
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import client_of, started, state_of
from testing.replica import Replica, replica
from testing.stomp import stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

Labels = tuple[tuple[str, str], ...]


def requests(text: str) -> dict[Labels, float]:
    """Counts of requests by method, uri, status and exception."""
    return {
        tuple((name, sample.labels[name]) for name in ("method", "uri", "status", "exception")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "http_server_requests_seconds_count"
    }


def labels(method: str, uri: str, status: str, exception: str) -> Labels:
    return ("method", method), ("uri", uri), ("status", status), ("exception", exception)


def now(app: Starlette) -> dict[Labels, float]:
    return requests(scraped(app))


def scraped(app: Starlette) -> str:
    return state_of(app).metrics.scrape().decode()


def value(state: AppState, name: str, **tags: str) -> float:
    return state.metrics.registry.get_sample_value(name, tags) or 0


async def ask(app: Starlette, method: str, path: str, receive: Receive | None = None, **headers: str) -> list[Message]:
    """Send one request past every client's scruples about methods and paths."""
    sent: list[Message] = []

    async def nothing() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "http", "root_path": "",
        "method": method, "path": CONTEXT_PATH + path, "raw_path": quote(CONTEXT_PATH + path).encode(),
        "query_string": b"", "headers": [(name.encode(), text.encode()) for name, text in headers.items()],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {},
    }  # fmt: skip
    await app(scope, receive or nothing, send)
    return sent


@pytest.fixture
def silence() -> Iterator[None]:
    """Ten thousand refused requests are ten thousand lines."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


async def test_ten_thousand_random_paths_are_a_handful_of_series(
    changed: Callable[..., Settings], database: Settings, silence: None
) -> None:
    dice = random.Random(5)
    letters = string.ascii_letters + string.digits + "-._~{}%$&'\"\\;:@ 가é\x00\n"
    known = sorted({operation.path for operation in operations()})
    methods = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "PROPFIND", "BREW", "get")

    def word() -> str:
        return "".join(dice.choices(letters, k=dice.randrange(1, 30)))

    def path() -> str:
        if dice.random() < 0.5:
            return "".join(f"/{word()}" for _ in range(dice.randrange(1, 6)))
        # One that exists, with something wrong in the place of each parameter, or behind it.
        parts = [word() if part.startswith("{") else part for part in dice.choice(known).split("/")]
        return "/".join(parts) + dice.choice(("", "/", f"/{word()}"))

    async with started(changed(tracing_sampling=0.0)) as app:
        templates = {*known, "/swagger-ui/**", "NOT_FOUND", "REDIRECTION", "UNKNOWN"}
        for _ in range(10_000):
            await ask(app, dice.choice(methods), path())
        text = state_of(app).metrics.scrape()
        seen = requests(text.decode())
        assert sum(seen.values()) > 9_000
        assert {dict(key)["uri"] for key in seen} <= templates
        assert {dict(key)["method"] for key in seen} <= {*methods[:7], "UNKNOWN"}
        # No route matched, so one method and one status are one series, however many paths there were.
        assert len([key for key in seen if ("uri", "NOT_FOUND") in key]) <= 8
        assert len(text) < 1_000_000


async def test_a_client_that_leaves_while_it_sends(changed: Callable[..., Settings], database: Settings) -> None:
    async def gone() -> Message:
        return {"type": "http.disconnect"}

    headers = {"content-type": "application/json", "content-length": "50"}
    async with started(changed()) as app:
        assert await ask(app, "POST", "/auth/login", gone, **headers) == []
        assert now(app) == {labels("POST", "/auth/login", "UNKNOWN", "ClientDisconnect"): 1}


async def test_a_request_that_is_cancelled(
    changed: Callable[..., Settings], database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the server does with requests that still run at the end of the grace period."""
    inside = asyncio.Event()

    @asynccontextmanager
    async def never() -> AsyncIterator[None]:
        inside.set()
        await asyncio.Event().wait()
        yield

    async with started(changed()) as app:
        monkeypatch.setattr(state_of(app).db, "read", never)
        task = asyncio.create_task(ask(app, "GET", "/parts"))
        await inside.wait()
        # A deploy stops a replica that has none running.
        assert value(state_of(app), "jiucom_http_requests_running") == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert value(state_of(app), "jiucom_http_requests_running") == 0
        assert now(app) == {labels("GET", "/parts", "UNKNOWN", "CancelledError"): 1}


async def test_an_exception_is_named(
    changed: Callable[..., Settings], database: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with started(changed()) as app, client_of(app) as client:
        # Before the first failure, or rate() would not see it.
        assert 'jiucom_http_requests_total{application="jiucom-api",outcome="SERVER_ERROR"} 0.0' in scraped(app)

        def broken(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(state_of(app).db, "read", broken)
        assert (await client.get("/parts?minPrice=77")).status_code == 500
        assert now(app) == {labels("GET", "/parts", "500", "ZeroDivisionError"): 1}
        assert value(state_of(app), "jiucom_http_requests_total", outcome="SERVER_ERROR") == 1


async def test_pool_gauges_count_waiting_requests(changed: Callable[..., Settings], database: Settings) -> None:
    async with started(changed(db_pool_size=1, db_acquire_timeout=5)) as app:
        state = state_of(app)

        def gauges() -> list[float]:
            return [value(state, f"jiucom_db_pool_{name}") for name in ("size", "used", "idle", "waiting")]

        before = value(state, "jiucom_db_acquire_seconds_sum")
        async with state.db.read(), client_of(app) as client:
            task = asyncio.create_task(client.get("/parts?minPrice=78"))
            await eventually(lambda: gauges()[:3] == [1, 1, 0] and gauges()[3] >= 1)  # work in the background too
            await asyncio.sleep(0.2)  # its wait is measured
        assert (await task).status_code == 200
        await eventually(lambda: gauges() == [1, 0, 1, 0])
        assert value(state, "jiucom_db_acquire_seconds_sum") - before > 0.15


async def test_redis_calls_are_counted_by_command(client: httpx.AsyncClient, state: AppState) -> None:
    before = value(state, "jiucom_redis_calls_total", command="GET")

    async def counted() -> bool:
        await client.get("/parts/1")
        return value(state, "jiucom_redis_calls_total", command="GET") > before

    await eventually(counted)  # after a failure, of an earlier test's Redis, the client waits a moment


@pytest.fixture
async def server(database: Settings) -> AsyncIterator[Replica]:
    async with replica(database) as running:
        yield running


async def test_streams_are_not_counted_as_requests(server: Replica) -> None:
    """They last as long as their clients stay: their durations would drown those of requests."""

    async def text() -> str:
        async with httpx.AsyncClient() as http:
            return (await http.get(f"{server.url}/actuator/prometheus")).text

    async with stomp(server.url):
        assert await server.gauge("jiucom_websockets_open") == 1
    stream = f"{server.url}/ws/000/metrics/xhr_streaming"
    async with httpx.AsyncClient() as http, http.stream("POST", stream) as answer:
        assert answer.status_code == 200
        await anext(answer.aiter_bytes())
    assert {dict(key)["uri"] for key in requests(await text())} <= {
        "/actuator/prometheus", "/actuator/health/readiness", "/actuator/health",
    }  # fmt: skip
