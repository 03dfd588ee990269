"""Traces as Zipkin gets them (E1-E3, E6), received by an HTTP server on loopback."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from jiucom.settings import Settings
from testing.clients import client_of, started, state_of
from testing.collector import Collector, collecting
from testing.replica import replica
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

TRACE, SPAN = "463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312"
SAMPLED = {"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Sampled": "1"}


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as server:
        yield server


@pytest.fixture(scope="module")
async def traced(collector: Collector, settings: Settings, database: Settings) -> AsyncIterator[Starlette]:
    """An application that samples half of the requests without a decision."""
    async with started(replace(settings, zipkin_endpoint=collector.endpoint, tracing_sampling=0.5)) as app:
        yield app


@pytest.fixture
async def client(traced: Starlette) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(traced) as anonymous:
        yield anonymous


async def spans_of(collector: Collector, response: httpx.Response, least: int = 1) -> list[dict[str, Any]]:
    trace = response.headers["x-trace-id"]
    await eventually(lambda: len(collector.of(trace)) >= least)
    return collector.of(trace)


async def test_a_request_is_one_trace(client: httpx.AsyncClient, collector: Collector) -> None:
    """E1: server span, and below it each statement and Redis command, with durations and without values."""
    response = await client.get("/parts/4", headers={"b3": "1"})
    spans = await spans_of(collector, response, 5)
    names = {span["name"] for span in spans}
    # Value and version are stored in one round trip.
    assert names == {"http get /parts/{partId}", "SELECT parts", "SELECT price_entries", "redis MGET", "redis PIPELINE"}
    server = next(span for span in spans if span["kind"] == "SERVER")
    assert "parentId" not in server
    assert server["tags"]["http.route"] == "/parts/{partId}"
    assert (server["tags"]["url.scheme"], server["tags"]["url.path"]) == ("http", "/api/v1/parts/4")
    assert server["tags"]["http.response.status_code"] == "200"
    assert server["localEndpoint"]["serviceName"] == "jiucom-api"
    for span in spans:
        if span is not server:
            assert span["parentId"] == server["id"]
            assert span["kind"] == "CLIENT"
            assert 0 < span["duration"] <= server["duration"]
    statements = [span["tags"]["db.query.text"] for span in spans if span["name"].startswith("SELECT")]
    assert all("%s" in text and "= 4" not in text for text in statements)
    mget = next(span for span in spans if span["name"] == "redis MGET")
    assert "part:*" in mget["tags"]["db.query.text"]


async def test_the_list_has_a_database_span_with_rows(client: httpx.AsyncClient, collector: Collector) -> None:
    response = await client.get("/parts?size=7", headers={"b3": "1"})
    spans = await spans_of(collector, response, 2)
    rows = {span["tags"].get("db.response.returned_rows") for span in spans}
    assert "7" in rows
    assert any("jiucom.db.pool_wait_ms" in span["tags"] for span in spans)


@pytest.mark.parametrize(
    "headers",
    [
        SAMPLED,
        {"b3": f"{TRACE}-{SPAN}-1"},
        {"b3": f"{TRACE}-{SPAN}-d"},
        {"b3": f"{TRACE}-{SPAN}-1-05e3ac9a4f6e3b90"},
        {"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN, "X-B3-Flags": "1"},
    ],
)
async def test_a_sampled_trace_is_continued(
    client: httpx.AsyncClient, collector: Collector, headers: dict[str, str]
) -> None:
    """E2."""
    collector.spans.clear()
    response = await client.get("/parts/categories", headers=headers)
    assert response.headers["x-trace-id"] == TRACE
    (server,) = await spans_of(collector, response)
    assert server["parentId"] == SPAN


async def test_a_short_trace_id_is_padded(client: httpx.AsyncClient, collector: Collector) -> None:
    response = await client.get("/parts/categories", headers={"b3": f"{SPAN}-{SPAN}-1"})
    assert response.headers["x-trace-id"] == SPAN.rjust(32, "0")


@pytest.mark.parametrize("headers", [{"b3": "0"}, {"X-B3-Sampled": "0"}, {**SAMPLED, "X-B3-Sampled": "0"}])
async def test_not_sampled_is_respected(client: httpx.AsyncClient, traced: Starlette, headers: dict[str, str]) -> None:
    meters = state_of(traced).metrics.registry
    before = await settled(traced)
    responses = [await client.get("/parts/categories", headers=headers) for _ in range(20)]
    assert all(re.fullmatch("[0-9a-f]{32}", response.headers["x-trace-id"]) for response in responses)
    if "X-B3-TraceId" in headers:
        assert responses[0].headers["x-trace-id"] == TRACE
    # A sampled one behind them: once it has come, theirs would have.
    await client.get("/parts/categories", headers={"b3": "1"})
    await eventually(lambda: (meters.get_sample_value("jiucom_spans_sent_total") or 0) >= before + 1)
    assert await settled(traced) == before + 1


async def test_ids_without_a_decision_are_decided_here(client: httpx.AsyncClient, traced: Starlette) -> None:
    """E2: at a rate of a half, some of 60 are recorded and some are not; the id stays in any case."""
    before = await settled(traced)
    for _ in range(60):
        response = await client.get("/parts/categories", headers={"X-B3-TraceId": TRACE, "X-B3-SpanId": SPAN})
        assert response.headers["x-trace-id"] == TRACE
    recorded = await settled(traced) - before
    assert 5 < recorded < 55


async def settled(app: Starlette) -> float:
    """Spans sent, once no more come: the exporter looks once a second."""
    await asyncio.to_thread(state_of(app).tracing._provider.force_flush)
    return state_of(app).metrics.registry.get_sample_value("jiucom_spans_sent_total") or 0


@pytest.mark.parametrize(
    "value", ["", "x", "1-2-3", f"{TRACE}-", f"{TRACE[:-1]}-{SPAN}-1", f"{'0' * 32}-{SPAN}-1", "-" * 99]
)
async def test_malformed_b3_headers_are_ignored(client: httpx.AsyncClient, value: str) -> None:
    response = await client.get("/parts/categories", headers={"b3": value})
    assert response.status_code == 200
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-trace-id"])


@pytest.mark.parametrize(
    "path", ["/parts", "/nothing", "/parts/abc", "/actuator/health", "/swagger-ui.html", "/part/1"]
)
async def test_every_answer_has_a_trace_id(client: httpx.AsyncClient, path: str) -> None:
    """E6."""
    response = await client.get(path)
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-trace-id"])


async def test_server_errors_are_marked_and_client_errors_are_not(
    client: httpx.AsyncClient, collector: Collector, traced: Starlette
) -> None:
    (span,) = await spans_of(collector, await client.get("/parts/abc", headers={"b3": "1"}))
    assert span["tags"]["http.response.status_code"] == "400"
    assert "error" not in span["tags"]
    state_of(traced).stopping = True
    down = await client.get("/actuator/health", headers={"b3": "1"})
    state_of(traced).stopping = False
    (span,) = await spans_of(collector, down)
    assert span["tags"]["error.type"] == span["tags"]["http.response.status_code"] == "503"
    assert "error" in span["tags"]


async def test_a_failed_redis_call_marks_its_own_span(
    collector: Collector, changed: Callable[..., Settings], database: Settings
) -> None:
    """A cache that is away is an error of its own span, and none of the request's."""
    async with started(changed(redis_port=9, zipkin_endpoint=collector.endpoint)) as app, client_of(app) as client:

        async def failed() -> dict[str, str]:
            # Most find Redis given up already, and do not ask it.
            response = await client.get("/parts/4", headers={"b3": "1"})
            assert response.status_code == 200
            await settled(app)
            spans = collector.of(response.headers["x-trace-id"])
            return {span["name"]: span["tags"]["error.type"] for span in spans if "error" in span["tags"]}

        (found,) = (await eventually(failed, 10)).items()
    assert found == ("redis MGET", "ConnectionError")


async def test_scrapes_are_not_traced(client: httpx.AsyncClient, traced: Starlette) -> None:
    state = state_of(traced)
    rate, state.tracing.rate = state.tracing.rate, 1.0
    try:
        before = await settled(traced)
        for path in ("/actuator/prometheus", "/actuator/health", "/v3/api-docs", "/swagger-ui/index.html"):
            await client.get(path)
        assert await settled(traced) == before
    finally:
        state.tracing.rate = rate


@pytest.mark.parametrize("fault", ["slow", "refusing", "gone"])
async def test_answers_do_not_depend_on_zipkin(
    collector: Collector, changed: Callable[..., Settings], database: Settings, fault: str
) -> None:
    """E3: answers do not change or slow down, lost spans are counted, and shutdown does not wait."""
    endpoint = "http://127.0.0.1:9/api/v2/spans" if fault == "gone" else collector.endpoint
    collector.delay, collector.status = (5.0 if fault == "slow" else 0.0), (503 if fault == "refusing" else 202)
    try:
        async with started(changed(zipkin_endpoint=endpoint, tracing_sampling=1.0)) as app, client_of(app) as client:
            meters = state_of(app).metrics.registry
            slowest = 0.0
            for _ in range(100):
                before = time.perf_counter()
                assert (await client.get("/parts/categories")).status_code == 200
                slowest = max(slowest, time.perf_counter() - before)
            assert slowest < 0.5
            await eventually(lambda: meters.get_sample_value("jiucom_spans_lost_total"), 8)
            lost = meters.get_sample_value("jiucom_spans_lost_total") or 0
            assert lost <= 100
            assert not meters.get_sample_value("jiucom_spans_sent_total")
            before = time.perf_counter()
        assert time.perf_counter() - before < 5
    finally:
        collector.delay, collector.status = 0.0, 202


async def test_a_slow_zipkin_does_not_keep_a_process(
    collector: Collector, changed: Callable[..., Settings], database: Settings
) -> None:
    """E3: with more spans waiting than four sendings hold, a container would be killed at the end of its 30 s."""
    collector.delay = 5.0
    slow = changed(zipkin_endpoint=collector.endpoint, tracing_sampling=1.0)
    try:
        async with replica(slow) as running, httpx.AsyncClient() as client:
            for _ in range(700):
                assert (await client.get(f"{running.url}/parts?size=1")).status_code == 200
            began = time.perf_counter()
            assert await asyncio.to_thread(running.stop) in (0, -signal.SIGTERM)
            assert time.perf_counter() - began < 6
    finally:
        collector.delay = 0.0
