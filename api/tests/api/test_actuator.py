"""Actuator, the documentation pages, and what the metrics contain (D2)."""

import asyncio
import logging
import re
import time
from functools import partial
from pathlib import Path

import httpx
import pytest
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User
from testing.replica import replica
from testing.servers import docker
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

PREFIX = "http_server_requests_seconds"


async def samples(client: httpx.AsyncClient, name: str) -> dict[tuple[tuple[str, str], ...], float]:
    text = (await client.get("/actuator/prometheus")).text
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


@pytest.mark.parametrize("path", ["/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"])
async def test_health(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.json()) == (200, {"status": "UP"})


@pytest.mark.parametrize(("built", "said"), [("0.1.0+7fe4a331ed92", None), ("", "development"), (None, "development")])
async def test_info_says_which_image_it_is(
    client: httpx.AsyncClient, state: AppState, monkeypatch: pytest.MonkeyPatch, built: str | None, said: str | None
) -> None:
    if built is None:
        monkeypatch.delenv("JIUCOM_VERSION", raising=False)
    else:
        monkeypatch.setenv("JIUCOM_VERSION", built)
    app = (await client.get("/actuator/info")).json()["app"]
    assert app == {"name": "jiucom-api", "version": said or built, "startedAt": state.started_at.isoformat()}


def test_the_image_is_given_its_version() -> None:
    recipe = (Path(__file__).parents[2] / "Dockerfile").read_text()
    last = recipe[recipe.rindex("\nFROM ") :]
    assert re.search(r"^ARG VERSION=development$", last, re.MULTILINE)
    assert re.search(r"^ENV .*\bJIUCOM_VERSION=\$VERSION\b", last, re.MULTILINE)


async def test_readiness_is_down_while_stopping(client: httpx.AsyncClient, state: AppState) -> None:
    state.stopping = True
    try:
        response = await client.get("/actuator/health/readiness")
        assert (response.status_code, response.json()) == (503, {"status": "DOWN"})
        assert (await client.get("/actuator/health/liveness")).status_code == 200
    finally:
        state.stopping = False


async def test_http_metrics_have_micrometers_labels(client: httpx.AsyncClient) -> None:
    """D2: template, not path; context path left out; 404, 405 and 400 told apart."""
    requests = [
        ("GET", "/parts/7", "/parts/{partId}", "200", "SUCCESS"),
        ("GET", "/part/7", "/part/{partId}", "200", "SUCCESS"),
        ("GET", "/parts/999999", "/parts/{partId}", "404", "CLIENT_ERROR"),
        ("GET", "/parts/abc", "/parts/{partId}", "400", "CLIENT_ERROR"),
        ("PUT", "/parts/7", "/parts/{partId}", "405", "CLIENT_ERROR"),
        ("GET", "/wp-login.php", "NOT_FOUND", "404", "CLIENT_ERROR"),
        ("GET", "/swagger-ui.html", "/swagger-ui.html", "302", "REDIRECTION"),
        ("GET", "/swagger-ui/swagger-ui.css", "/swagger-ui/**", "200", "SUCCESS"),
        ("GET", "/swagger-ui/nothing", "/swagger-ui/**", "404", "CLIENT_ERROR"),
    ]
    before = await samples(client, f"{PREFIX}_count")
    for method, path, *_ in requests:
        await client.request(method, path)
    after = await samples(client, f"{PREFIX}_count")
    for method, path, uri, status, outcome in requests:
        labels = {
            "application": "jiucom-api", "method": method, "uri": uri, "status": status, "outcome": outcome,
            "exception": "none", "error": "none",
        }  # fmt: skip
        key = tuple(sorted(labels.items()))
        assert after[key] == before.get(key, 0) + 1, path
    maxima, sums = await samples(client, f"{PREFIX}_max"), await samples(client, f"{PREFIX}_sum")
    assert maxima.keys() == sums.keys() == (await samples(client, f"{PREFIX}_count")).keys()
    assert all(0 < maxima[key] <= sums[key] for key in after if ("uri", "/parts/{partId}") in key)


async def test_buckets_are_by_method_and_uri_alone(client: httpx.AsyncClient) -> None:
    await client.get("/parts")
    buckets = await samples(client, "http_server_requests_duration_seconds_bucket")
    assert {frozenset(dict(key)) for key in buckets} == {frozenset({"method", "uri", "le"})}
    asked = {("method", "GET"), ("uri", "/parts")}
    of_parts = {float(dict(key)["le"]): value for key, value in buckets.items() if asked <= set(key)}
    values = [of_parts[bound] for bound in sorted(of_parts)]
    assert values == sorted(values)
    counts = await samples(client, f"{PREFIX}_count")
    assert values[-1] == sum(value for key, value in counts.items() if asked <= set(key))


@pytest.mark.parametrize(
    "name",
    [
        "process_resident_memory_bytes", "jiucom_memory_limit_bytes", "jiucom_memory_used_bytes", "jiucom_threads",
        "jiucom_gc_pause_seconds_count", "jiucom_gc_pause_seconds_sum", "jiucom_gc_pause_seconds_max",
        "jiucom_event_loop_lag_seconds", "jiucom_db_pool_size", "jiucom_db_pool_used", "jiucom_db_pool_idle",
        "jiucom_db_pool_waiting", "jiucom_db_pool_waiting_searches",
        "jiucom_db_acquire_seconds_count", "jiucom_db_acquire_seconds_sum",
        "jiucom_redis_calls_total", "jiucom_redis_failures_total", "jiucom_cache_requests_total",
        "jiucom_spans_sent_total", "jiucom_spans_lost_total", "jiucom_websockets_open", "jiucom_logins_failed_total",
        "jiucom_users", "jiucom_parts", "jiucom_posts",
    ],
)  # fmt: skip
async def test_native_metrics(client: httpx.AsyncClient, name: str) -> None:
    """docs/architecture.md, "Native metrics of the API"."""
    await client.get("/parts/1")
    found = await samples(client, name)
    assert found
    assert all(("application", "jiucom-api") in key for key in found)


async def test_pool_is_at_rest(client: httpx.AsyncClient, state: AppState) -> None:
    def at_rest() -> bool:
        size = state.settings.db_pool_size
        return [value for _, _, value in state.db.gauges()] == [size, 0, size, 0, 0]

    await eventually(at_rest)


async def test_business_gauges(seeded_client: httpx.AsyncClient) -> None:
    for name, count in (("jiucom_users", 4), ("jiucom_parts", 28), ("jiucom_posts", 8)):
        # Counted in the background: until then they are absent, and afterwards right.
        found = await eventually(partial(samples, seeded_client, name))
        assert list(found.values()) == [count]


async def test_metrics_as_json(client: httpx.AsyncClient) -> None:
    await client.get("/parts/1")
    names = (await client.get("/actuator/metrics")).json()["names"]
    assert "http.server.requests.seconds" in names
    for name in ("http.server.requests.seconds", "http_server_requests_seconds"):
        metric = (await client.get(f"/actuator/metrics/{name}")).json()
        assert {each["statistic"] for each in metric["measurements"]} == {"COUNT", "SUM"}
        assert "/parts/{partId}" in next(each for each in metric["availableTags"] if each["tag"] == "uri")["values"]
    assert (await client.get("/actuator/metrics/nothing")).status_code == 404


async def test_log_levels_change_and_go_back(client: httpx.AsyncClient, admin: User) -> None:
    path = "/actuator/loggers/jiucom.request"
    own = (await client.get(path)).json()
    assert own["configuredLevel"] is None
    assert (await admin.client.post(path, json={"configuredLevel": "DEBUG"})).status_code == 200
    assert (await client.get(path)).json() == {"configuredLevel": "DEBUG", "effectiveLevel": "DEBUG"}
    assert (await admin.client.post(path, json={"configuredLevel": None})).status_code == 200
    assert (await client.get(path)).json() == own
    assert (await client.get("/actuator/loggers")).json()["loggers"]["jiucom.request"] == own
    unknown = await admin.client.post("/actuator/loggers/made.up", json={"configuredLevel": "DEBUG"})
    assert unknown.status_code == 404
    assert "made.up" not in logging.root.manager.loggerDict


async def test_log_levels_are_changed_on_all_replicas_and_on_record(database: Settings, admin: User) -> None:
    path = "/actuator/loggers/jiucom.cache.redis"
    async with replica(database) as other, httpx.AsyncClient(base_url=other.url) as there:
        for level in ("ERROR", None):
            before = (await there.get(path)).json()["configuredLevel"]
            assert (await admin.client.post(path, json={"configuredLevel": level})).status_code == 200

            async def followed(level: str | None = level) -> bool:
                return bool((await there.get(path)).json()["configuredLevel"] == level)

            await eventually(followed, 2)
            entry = (await admin.client.get(f"/admin/audit?actorId={admin.id}")).json()["data"]["content"][0]
            assert (entry["action"], entry["targetType"]) == ("LOG_LEVEL_CHANGED", "LOGGER")
            assert entry["before"] == {"logger": "jiucom.cache.redis", "configuredLevel": before}
            assert entry["after"] == {"logger": "jiucom.cache.redis", "configuredLevel": level}


async def test_a_level_changes_once_its_record_is_committed(
    admin: User, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[int] = []

    async def change(logger: str, level: str | None) -> None:
        sql = "SELECT COUNT(*) FROM audit_log WHERE action = 'LOG_LEVEL_CHANGED' AND actor_id = %s"
        async with state.db.read() as session:
            recorded.append(await session.fetch_value(sql, (admin.id,)))

    # In another task: a read in the task of the request would be inside its transaction.
    async def set_level(logger: str, level: str | None) -> None:
        await asyncio.create_task(change(logger, level))

    monkeypatch.setattr(state.runtime, "set_level", set_level)
    answer = await admin.client.post("/actuator/loggers/jiucom.cache.redis", json={"configuredLevel": "DEBUG"})
    assert answer.status_code == 200
    assert recorded == [1]


async def test_sampling_is_raised_and_falls_back(state: AppState) -> None:
    """E4."""
    await state.redis.execute("SET", "{runtime}:sampling", "0.5", "PX", 1500)
    await eventually(lambda: state.tracing.rate == 0.5)
    await eventually(lambda: state.tracing.rate == state.settings.tracing_sampling)


async def test_sampling_ends_in_time_without_redis(state: AppState, redis_server: tuple[str, int]) -> None:
    """E4: it holds while Redis is away, and no longer than it was meant to."""
    await state.redis.execute("SET", "{runtime}:sampling", "0.5", "PX", 3500)
    await eventually(lambda: state.tracing.rate == 0.5)
    began = time.monotonic()
    await asyncio.to_thread(docker, "pause", redis_server[0])
    try:
        await eventually(lambda: state.tracing.rate == state.settings.tracing_sampling, 8)
        assert 2 < time.monotonic() - began < 5
    finally:
        await asyncio.to_thread(docker, "unpause", redis_server[0])


async def test_document_is_valid_and_complete(client: httpx.AsyncClient) -> None:
    document = (await client.get("/v3/api-docs")).json()
    validate(document)
    assert document["openapi"].startswith("3.1")
    assert document["servers"] == [{"url": "/api/v1"}]
    listed = document["paths"]["/parts"]["get"]
    assert listed["tags"] == ["Part"]
    assert {each["name"] for each in listed["parameters"]} == {
        "page", "size", "keyword", "category", "minPrice", "maxPrice", "sort",
    }  # fmt: skip
    example = listed["responses"]["200"]["content"]["application/json"]["example"]
    assert example["data"]["content"][0]["name"] == "AMD Ryzen 7 7800X3D"
    set_level = document["paths"]["/actuator/loggers/{name}"]["post"]
    assert set_level["security"] == [{"bearer": []}]
    assert {"401", "403", "415"} <= set_level["responses"].keys()


async def test_swagger_ui_loads_only_from_this_server(client: httpx.AsyncClient) -> None:
    first = await client.get("/swagger-ui.html")
    assert first.status_code == 302
    page = await client.get(f"http://testserver{first.headers['location']}")
    assert page.status_code == 200
    assert "http://" not in page.text
    assert "https://" not in page.text
    assert not re.search(r"<script[^>]*>[^<]", page.text)
    for asset in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        response = await client.get(f"http://testserver{asset}")
        assert response.status_code == 200, asset
    for absent in ("/swagger-ui/swagger-editor.js", "/swagger-ui/..%2f..%2fcore.py", "/swagger-ui/x/index.css"):
        assert (await client.get(absent)).status_code == 404
