"""The request log: which requests have a line, and its fields (E6, G2)."""

from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from jiucom.state import AppState
from testing.clients import User, client_of

pytestmark = pytest.mark.anyio

Line = dict[str, Any]


def lines(caplog: pytest.LogCaptureFixture) -> list[Line]:
    return [record.__dict__["fields"] for record in caplog.records if record.name == "jiucom.request"]


@pytest.fixture(autouse=True)
def everything(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "jiucom.request")


@pytest.mark.parametrize(
    "path",
    [
        "/actuator/prometheus",
        "/actuator/health/readiness",
        "/v3/api-docs",
        "/swagger-ui.html",
        "/swagger-ui/index.html",
    ],
)
async def test_successful_scrapes_and_assets_are_not_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    for method in ("GET", "HEAD"):
        assert (await client.request(method, path)).status_code < 400
    assert lines(caplog) == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/actuator/env", 404),
        ("GET", "/actuatorXYZ", 404),
        ("GET", "/v3/api-docs.yaml", 404),
        ("GET", "/swagger-ui/nothing", 404),
        ("DELETE", "/actuator/health", 405),
        ("POST", "/actuator/loggers/jiucom.request", 401),
    ],
)
async def test_failed_scrapes_and_assets_are_logged(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == status
    (line,) = lines(caplog)
    assert (line["method"], line["uri"], line["status"]) == (method, f"/api/v1{path}", status)
    assert line["traceId"] == answer.headers["x-trace-id"]


async def test_a_service_that_is_down_has_a_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, state: AppState
) -> None:
    state.stopping = True
    try:
        await client.get("/actuator/health/readiness")
    finally:
        state.stopping = False
    (line,) = lines(caplog)
    assert line["status"] == 503


async def test_a_change_has_a_line_though_it_succeeds(admin: User, caplog: pytest.LogCaptureFixture) -> None:
    path = "/actuator/loggers/jiucom.cache.redis"
    assert (await admin.client.post(path, json={"configuredLevel": None})).status_code == 200
    (line,) = lines(caplog)
    assert (line["method"], line["status"]) == ("POST", 200)


async def test_the_gateway_s_id_stands_in_the_line(application: Starlette, caplog: pytest.LogCaptureFixture) -> None:
    async with client_of(application, **{"X-Request-Id": "9f2c1e07aa"}) as client:
        await client.get("/parts/1")
    async with client_of(application, **{"X-Request-Id": '"forged"'}) as client:
        await client.get("/parts/1")
    assert [line.get("requestId") for line in lines(caplog)] == ["9f2c1e07aa", None]
