"""Cancelled transactions, killed connections, a full pool, deadlocks, deadlines: nothing leaks."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest

from jiucom.db import Database, WriteSession
from jiucom.errors import ApiError, ErrorCode
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.clients import client_of, started, state_of
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

INSERT = "INSERT INTO cache_outbox (scope) VALUES (%s)"
COUNT = "SELECT COUNT(*) FROM cache_outbox WHERE scope = %s"


def used(db: Database) -> int:
    return next(value for name, _, value in db.gauges() if name == "used")


async def count(state: AppState, scope: str) -> int:
    async with state.db.read() as session:
        return int(await session.fetch_value(COUNT, (scope,)))


async def test_cancelled_transactions_leave_nothing(state: AppState) -> None:
    """Trap: `databases` loses the connection of a cancelled transaction."""
    inside = asyncio.Semaphore(0)

    async def write() -> None:
        async with state.db.transaction() as session:
            await session.execute(INSERT, ("test-cancelled",))
            inside.release()
            await session.fetch_value("SELECT SLEEP(%s)", (30,))

    for _ in range(3):
        tasks = [asyncio.create_task(write()) for _ in range(state.settings.db_pool_size)]
        for _ in tasks:
            await inside.acquire()
        for task in tasks:
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes), outcomes
        # Work in the background has a connection now and then.
        await eventually(lambda: used(state.db) == 0)
    assert await count(state, "test-cancelled") == 0


async def test_deadline_cancels_and_answers(changed: Callable[..., Settings], database: Settings) -> None:
    async with started(changed(request_deadline=0.2, db_pool_size=1, db_acquire_timeout=5)) as app:
        db = state_of(app).db
        async with db.read(), client_of(app) as client:
            before = time.monotonic()
            response = await asyncio.create_task(client.get("/parts"))
            assert time.monotonic() - before < 2
        assert response.status_code == 503
        assert response.json()["code"] == "JIUCOM-504"
        assert response.headers["retry-after"] == "1"
        assert used(db) == 0
        async with client_of(app) as client:
            assert (await client.get("/parts")).status_code == 200
            metrics = (await client.get("/actuator/prometheus")).text
        assert 'exception="ApiError",method="GET",outcome="SERVER_ERROR",status="503",uri="/parts"' in metrics


async def test_full_pool_is_503(changed: Callable[..., Settings], database: Settings) -> None:
    async with started(changed(db_pool_size=1, db_acquire_timeout=0.2)) as app:
        db = state_of(app).db
        async with db.read(), client_of(app) as client:
            responses = await asyncio.gather(*(client.get("/parts") for _ in range(20)))
        assert {response.status_code for response in responses} == {503}
        assert {response.json()["code"] for response in responses} == {"JIUCOM-503"}
        assert all(response.headers["retry-after"] == "1" for response in responses)
        # A worker may be in the queue for a moment.
        at_rest = {"size": 1, "used": 0, "idle": 1, "waiting": 0, "waiting_searches": 0}
        await eventually(lambda: {name: value for name, _, value in db.gauges()} == at_rest)


async def test_killed_connections_are_replaced(client: httpx.AsyncClient, state: AppState) -> None:
    assert (await client.get("/parts")).status_code == 200
    async with state.db.read() as session:
        mine = f"SELECT id FROM information_schema.processlist WHERE user = '{state.settings.db_username}'"  # noqa: S608
        own = await session.fetch_value("SELECT CONNECTION_ID()")
        for (connection,) in await session.fetch_rows(mine):
            if connection != own:
                await session.fetch_rows(f"KILL {connection}")
    for response in await asyncio.gather(*(client.get("/parts") for _ in range(30))):
        assert response.status_code == 200
    await eventually(lambda: used(state.db) == 0)


async def test_a_connection_killed_in_a_transaction_is_503(state: AppState) -> None:
    async def work(session: WriteSession) -> None:
        await session.execute(INSERT, ("test-killed",))
        own = await session.fetch_value("SELECT CONNECTION_ID()")
        await session.execute(f"KILL {own}")

    with pytest.raises(ApiError) as caught:
        await state.db.write(work)
    assert caught.value.error is ErrorCode.SERVICE_UNAVAILABLE
    assert caught.value.headers["Retry-After"]
    await eventually(lambda: used(state.db) == 0)
    assert await count(state, "test-killed") == 0


async def test_deadlocks_are_tried_again(state: AppState) -> None:
    async with state.db.transaction() as session:
        ids = [await session.insert(INSERT, ("test-deadlock",)) for _ in range(2)]
    tries = 0
    both = asyncio.Barrier(2)

    async def cross(first: int, second: int) -> None:
        async def work(session: WriteSession) -> None:
            nonlocal tries
            tries += 1
            update = "UPDATE cache_outbox SET created_at = UTC_TIMESTAMP(6) + INTERVAL 1 DAY WHERE id = %s"
            await session.execute(update, (first,))
            if tries <= 2:
                await both.wait()
            await session.execute(update, (second,))

        await state.db.write(work)

    await asyncio.gather(cross(*ids), cross(*reversed(ids)))
    assert tries == 3
    async with state.db.transaction() as session:
        assert await session.execute("DELETE FROM cache_outbox WHERE scope = %s", ("test-deadlock",)) == 2


async def test_after_commit_only_after_a_commit(state: AppState) -> None:
    heard = []

    async def work(session: WriteSession, *, fail: bool) -> None:
        await session.execute(INSERT, ("test-hook",))

        async def hook() -> None:
            heard.append(await count(state, "test-hook"))

        session.after_commit(hook)
        if fail:
            raise ApiError(ErrorCode.CONFLICT)

    with pytest.raises(ApiError):
        await state.db.write(lambda session: work(session, fail=True))
    assert heard == []
    await state.db.write(lambda session: work(session, fail=False))
    # Everyone can see it by then.
    assert heard == [1]


async def test_mysql_restarts_under_load(
    own_mysql: tuple[str, Settings],
) -> None:
    """No wrong answer, 503 with Retry-After meanwhile, and within 2 s of MySQL being back everything is as before."""
    container, settings = own_mysql
    async with started(settings) as app, client_of(app) as client:
        seen: list[httpx.Response] = []
        ended = asyncio.Event()

        async def load() -> None:
            while not ended.is_set():
                seen.append(await client.get("/parts?size=3"))
                await asyncio.sleep(0.01)

        workers = [asyncio.create_task(load()) for _ in range(4)]
        await eventually(lambda: len(seen) > 40)
        await asyncio.to_thread(servers.docker, "kill", container)
        await eventually(lambda: seen[-1].status_code == 503)
        health = await client.get("/actuator/health")
        assert (health.status_code, health.json()) == (503, {"status": "DOWN"})
        assert (await client.get("/actuator/health/liveness")).status_code == 200
        await asyncio.to_thread(servers.docker, "start", container)
        await asyncio.to_thread(servers.await_mysql, container, servers.KEPT_PASSWORD)
        back = time.monotonic()
        await eventually(lambda: seen[-1].status_code == 200)
        assert time.monotonic() - back < 2
        ended.set()
        await asyncio.gather(*workers)
        assert {response.status_code for response in seen} == {200, 503}
        assert all("retry-after" in response.headers for response in seen if response.status_code == 503)
        bodies = {str(response.json()["data"]) for response in seen if response.status_code == 200}
        assert len(bodies) == 1
        assert used(state_of(app).db) == 0


async def test_a_rolled_back_transaction_keeps_its_connection(
    changed: Callable[..., Settings], database: Settings
) -> None:
    async with started(changed(db_pool_size=1)) as app:
        db = state_of(app).db

        async def connection_id() -> int:
            async with db.read() as session:
                return int(await session.fetch_value("SELECT CONNECTION_ID()"))

        async def fail(session: WriteSession) -> None:
            await session.execute(INSERT, ("test-rolled-back",))
            raise ApiError(ErrorCode.CONFLICT)

        before = await connection_id()
        with pytest.raises(ApiError):
            await db.write(fail)
        assert await connection_id() == before
        assert await count(state_of(app), "test-rolled-back") == 0
