"""A server process that runs as many requests as it may."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import NamedTuple

import httpx
import pytest

from jiucom.settings import Settings
from jiucom.web.overload import MOST
from testing.relay import Relay, relay
from testing.replica import Replica, replica
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


class Full(NamedTuple):
    """The server, and the relay that keeps the database's answers back."""

    server: Replica
    way: Relay


@pytest.fixture
async def full(
    mysql_server: tuple[int, str], changed: Callable[..., Settings], database: Settings
) -> AsyncIterator[Full]:
    """MOST requests wait for the database, which does not answer."""
    async with relay(mysql_server[0]) as way:
        settings = changed(db_port=way.port, db_acquire_timeout=60, request_deadline=60)
        async with (
            replica(settings) as server,
            httpx.AsyncClient(base_url=server.url, limits=httpx.Limits(max_connections=None), timeout=60) as crowd,
        ):
            way.freeze()
            running = [asyncio.create_task(crowd.get("/parts?size=1")) for _ in range(MOST)]

            async def are_running() -> bool:
                return await server.gauge("jiucom_http_requests_running") == MOST

            await eventually(are_running, 60)
            yield Full(server, way)
            way.thaw()
            assert {answer.status_code for answer in await asyncio.gather(*running)} == {200}


async def check_refusals(server: Replica) -> None:
    """On one connection, which stays: after a body that is not read, too, and after HEAD."""
    one = httpx.Limits(max_connections=1)
    async with httpx.AsyncClient(base_url=server.url, limits=one, timeout=60) as client:
        refused = [await client.get("/parts/1"), await client.post("/auth/login", content=b"x" * 1_000_000)]
        refused += [await client.head("/parts/1"), await client.get("/parts/2")]
    for answer in refused:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"]
    assert refused[0].json()["code"] == "JIUCOM-503"
    assert refused[2].content == b""
    assert await server.gauge("jiucom_http_refused_total") == len(refused)


async def check_close(server: Replica) -> None:
    """A connection that the client wants closed is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET /api/v1/parts/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close" in answer.lower()


async def test_further_requests_are_refused_at_once(full: Full) -> None:
    """Until there are fewer again. Health checks and notifications are always answered."""
    await check_refusals(full.server)
    await check_close(full.server)
    async with httpx.AsyncClient(base_url=full.server.url, timeout=60) as client:
        for path in ("/actuator/health/liveness", "/ws/info"):
            assert (await client.get(path)).status_code == 200
        full.way.thaw()

        async def is_answered() -> bool:
            return (await client.get("/parts/1")).status_code == 200

        await eventually(is_answered, 60)
