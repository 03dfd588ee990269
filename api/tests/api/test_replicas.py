"""Reads from a real replica of MySQL: who sees what, and what a replica that is late, silent or gone costs."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from starlette.applications import Starlette

from jiucom.db.reading import replica_allowed
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.clients import client_of, started, state_of
from testing.database import make_database
from testing.relay import Relay, relay
from testing.replication import Replicated, follow, replicated
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

# The lag that is allowed is more than a test takes, so that a replica that stands still is in use until a test says otherwise.
LAG = 300


@pytest.fixture(scope="module")
def pair() -> Iterator[Replicated]:
    """A primary and its replica."""
    with replicated() as found:
        yield found


@pytest.fixture(scope="module")
async def way(pair: Replicated, settings: Settings) -> AsyncIterator[tuple[Relay, Settings]]:
    """The way to the replica, and settings of applications that read from it."""
    # The file's Redis keeps answers about the file's database.
    with servers.redis() as (_, redis_port):
        primary = replace(settings, db_port=pair.port, redis_port=redis_port)
        await make_database((pair.port, pair.password), primary)
        await asyncio.to_thread(follow, pair)
        async with relay(pair.replica_port) as found:
            yield found, replace(primary, db_replicas=f"127.0.0.1:{found.port}", db_replica_max_lag=LAG)


@pytest.fixture
async def apps(way: tuple[Relay, Settings], pair: Replicated) -> AsyncIterator[list[Starlette]]:
    """Two applications, as behind one gateway, that have the replica in use."""
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(started(way[1])) for _ in range(2)]
        await eventually(lambda: all(state_of(app).replicas.all[0].in_use for app in found), 20)
        yield found
        way[0].thaw()
        pair.on_replica("START REPLICA")


def reads(app: Starlette, server: str) -> float:
    return state_of(app).metrics.registry.get_sample_value("jiucom_db_reads_total", {"server": server}) or 0


async def member(state: AppState) -> tuple[int, str]:
    """A new user's id and token."""
    unique = time.time_ns()
    async with state.db.transaction() as session:
        values = (f"{unique}@example.com", f"사용자{unique}")
        user = await session.insert("INSERT INTO users (email, nickname) VALUES (%s, %s)", values)
    return user, state.tokens.access(user, "USER")


async def titles(client: httpx.AsyncClient, path: str, **query: Any) -> list[str]:
    response = await client.get(path, params=query)
    assert response.status_code == 200, response.text
    return [each.get("title") or each.get("content") for each in response.json()["data"]["content"]]


async def review(client: httpx.AsyncClient, part: int) -> str:
    text = f"후기 {time.time_ns()}"
    answer = await client.post("/reviews", json={"partId": part, "rating": 5, "content": text})
    assert answer.status_code == 201, answer.text
    return text


async def test_lists_come_from_the_replica_and_all_else_from_the_primary(apps: list[Starlette]) -> None:
    app = apps[0]
    async with client_of(app, (await member(state_of(app)))[1]) as client:
        await client.get("/users/me")
        for path, server in (
            ("/parts", "replica"),
            ("/search?keyword=rtx", "replica"),
            ("/posts?keyword=rtx", "replica"),
            ("/users/me", "primary"),
            ("/users/me/reviews", "primary"),
            # They fill the cache.
            ("/posts?size=7", "primary"),
            ("/parts/3", "primary"),
        ):
            before = {name: reads(app, name) for name in ("primary", "replica")}
            assert (await client.get(path)).status_code == 200
            other = {"primary": "replica", "replica": "primary"}[server]
            assert reads(app, server) > before[server], path
            if server == "primary":
                assert reads(app, other) == before[other], path


async def test_writers_see_what_they_wrote_through_any_application_and_others_later(
    apps: list[Starlette], pair: Replicated
) -> None:
    token = (await member(state_of(apps[0])))[1]
    async with client_of(apps[0], token) as here, client_of(apps[1], token) as there, client_of(apps[1]) as stranger:
        pair.on_replica("STOP REPLICA SQL_THREAD")
        text = await review(here, 5)
        assert text in await titles(here, "/parts/5/reviews")
        assert text in await titles(there, "/parts/5/reviews")
        # Proves that the replica does not have it yet, and that it is read.
        assert text not in await titles(stranger, "/parts/5/reviews")
        pair.on_replica("START REPLICA SQL_THREAD")

        async def arrived() -> bool:
            return text in await titles(stranger, "/parts/5/reviews")

        await eventually(arrived, 20)


async def test_the_cache_is_filled_by_the_primary(apps: list[Starlette], pair: Replicated) -> None:
    async with client_of(apps[0], (await member(state_of(apps[0])))[1]) as writer, client_of(apps[1]) as stranger:
        pair.on_replica("STOP REPLICA SQL_THREAD")
        title = f"제목 {time.time_ns()}"
        body = {"boardType": "FREE", "title": title, "content": "본문"}
        assert (await writer.post("/posts", json=body)).status_code == 201
        assert title in await titles(stranger, "/posts")
        assert title not in await titles(stranger, "/posts", keyword=title)


async def test_a_request_that_writes_reads_from_the_primary(apps: list[Starlette]) -> None:
    state = state_of(apps[0])
    server = "SELECT @@server_id"
    with replica_allowed(None):
        async with state.db.read() as session:
            assert await session.fetch_value(server) == 11
        async with state.db.transaction() as write, state.db.read() as session:
            assert await write.fetch_value(server) == await session.fetch_value(server) == 1
        async with state.db.read() as session:
            assert await session.fetch_value(server) == 1
    async with state.db.read() as session:
        assert await session.fetch_value(server) == 1


async def test_a_replica_that_is_too_late_is_left_and_taken_again(
    way: tuple[Relay, Settings], pair: Replicated
) -> None:
    async with started(replace(way[1], db_replica_max_lag=2)) as app, client_of(app) as client:
        state = state_of(app)
        (replica,) = state.replicas.all
        await eventually(lambda: replica.in_use, 20)
        pair.on_replica("STOP REPLICA SQL_THREAD")
        await eventually(lambda: not replica.in_use, 20)
        before = reads(app, "replica")
        assert (await client.get("/parts")).status_code == 200
        assert reads(app, "replica") == before
        labels = {"replica": replica.name}
        assert state.metrics.registry.get_sample_value("jiucom_db_replica_in_use", labels) == 0
        assert (state.metrics.registry.get_sample_value("jiucom_db_replica_lag_seconds", labels) or 0) > 2
        pair.on_replica("START REPLICA SQL_THREAD")
        await eventually(lambda: replica.in_use, 20)
        assert (await client.get("/parts")).status_code == 200
        assert reads(app, "replica") > before


async def test_a_silent_replica_fails_no_request(apps: list[Starlette], way: tuple[Relay, Settings]) -> None:
    async with client_of(apps[0]) as client:
        expected = (await client.get("/parts")).json()["data"]
        way[0].freeze()
        # Those that come before the replica is found silent ask the primary after a second.
        answers = await asyncio.gather(*(client.get("/parts") for _ in range(5)))
        assert [answer.json()["data"] for answer in answers] == [expected] * 5
        replica = state_of(apps[0]).replicas.all[0]
        await eventually(lambda: not replica.in_use, 20)
        way[0].thaw()
        await eventually(lambda: replica.in_use, 20)


async def test_a_killed_replica_fails_no_request_and_is_taken_again(
    way: tuple[Relay, Settings], pair: Replicated
) -> None:
    async with started(replace(way[1], db_replicas=f"127.0.0.1:{pair.replica_port}")) as app, client_of(app) as client:
        (replica,), answers, done = state_of(app).replicas.all, list[int](), asyncio.Event()
        await eventually(lambda: replica.in_use, 20)

        async def load() -> None:
            while not done.is_set():
                answers.append((await client.get("/parts")).status_code)

        loads = [asyncio.create_task(load()) for _ in range(3)]
        await eventually(lambda: reads(app, "replica") > 20, 20)
        await asyncio.to_thread(servers.docker, "kill", pair.replica)
        await eventually(lambda: not replica.in_use, 20)
        before = len(answers)
        await eventually(lambda: len(answers) > before + 20, 20)
        await asyncio.to_thread(servers.docker, "start", pair.replica)
        await eventually(lambda: replica.in_use, 60)
        done.set()
        await asyncio.gather(*loads)
        assert set(answers) == {200}


async def test_where_redis_is_away_users_read_from_the_primary(
    way: tuple[Relay, Settings], changed: Callable[..., Settings]
) -> None:
    async with started(replace(way[1], redis_port=servers.free_port())) as app:
        state = state_of(app)
        await eventually(lambda: state.replicas.all[0].in_use, 20)
        async with client_of(app, (await member(state))[1]) as client:
            before = reads(app, "replica")
            assert (await client.get("/parts")).status_code == 200
            assert reads(app, "replica") == before
        async with client_of(app) as stranger:
            assert (await stranger.get("/parts")).status_code == 200
            assert reads(app, "replica") > before
