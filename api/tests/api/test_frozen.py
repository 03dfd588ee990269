"""MySQL stops answering: no request takes longer than its deadline, and a commit that has begun is finished."""

import asyncio
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from jiucom.db import Database
from jiucom.errors import ApiError
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User, client_of, started, state_of
from testing.relay import Relay, relay
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

INSERT = "INSERT INTO cache_outbox (scope) VALUES (%s)"
COUNT = "SELECT COUNT(*) FROM cache_outbox WHERE scope = %s"


@pytest.fixture
async def far(
    mysql_server: tuple[int, str], changed: Callable[..., Settings], database: Settings
) -> AsyncIterator[tuple[Relay, AppState, httpx.AsyncClient]]:
    """An application behind a relay to MySQL, without its workers: they would hold connections."""
    async with (
        relay(mysql_server[0]) as way,
        started(changed(db_port=way.port, request_deadline=0.3)) as app,
        client_of(app) as client,
    ):
        state = state_of(app)
        for worker in (state.outbox, state.cache, state.accounts, state.realtime, state.backlog):
            await worker.stop()
        # Those that count once a minute are done for now.
        await eventually(lambda: state.metrics.registry.get_sample_value("jiucom_users") and not used(state.db))
        yield way, state, client
        way.thaw()


def used(db: Database) -> int:
    return next(value for name, _, value in db.gauges() if name == "used")


def late(asked: httpx.Response) -> None:
    assert (asked.status_code, asked.json()["code"]) == (503, "JIUCOM-504")
    assert asked.headers["Retry-After"] == "1"


async def test_authentication_ends_at_the_deadline(far: tuple[Relay, AppState, httpx.AsyncClient], user: User) -> None:
    way, _, client = far
    way.freeze()
    headers = {"Authorization": f"Bearer {user.token}"}
    late(await asyncio.wait_for(client.get("/parts/categories", headers=headers), 5))


@pytest.mark.parametrize("path", ["/parts/4", "/posts/1"])
async def test_loads_and_view_counters_end_at_the_deadline(
    far: tuple[Relay, AppState, httpx.AsyncClient], path: str
) -> None:
    """All later requests would join a load or a view counter that hangs."""
    way, state, client = far
    async with state.db.transaction() as tx:
        await state.cache.invalidate(tx, "part:4", "post:1")
    way.freeze()
    late(await asyncio.wait_for(client.get(path), 5))
    await eventually(lambda: not (state.cache._flights or state.views._writers or used(state.db)))
    way.thaw()
    assert (await client.get(path)).status_code == 200


async def test_a_commit_that_has_begun_comes_to_its_end(far: tuple[Relay, AppState, httpx.AsyncClient]) -> None:
    way, state, _ = far
    heard: list[str] = []
    more = asyncio.Event()

    async def first() -> None:
        heard.append("first")
        await more.wait()

    async def second() -> None:
        heard.append("second")

    async def write() -> None:
        async with state.db.transaction() as tx:
            await tx.execute(INSERT, ("test-cancelled-commit",))
            tx.after_commit(first)
            tx.after_commit(second)
            way.freeze()

    writing = asyncio.create_task(write())
    await eventually(lambda: way.held)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(writing, 5)
    assert heard == []
    way.thaw()
    await eventually(lambda: heard == ["first"])
    more.set()
    await eventually(lambda: heard == ["first", "second"])
    assert used(state.db) == 0
    async with state.db.read() as session:
        assert await session.fetch_value(COUNT, ("test-cancelled-commit",)) == 1


async def test_hooks_that_a_cancelled_task_began_come_to_their_end(state: AppState) -> None:
    heard: list[str] = []
    inside, more = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        inside.set()
        await more.wait()

    async def second() -> None:
        heard.append("second")

    async def write() -> None:
        async with state.db.transaction() as tx:
            tx.after_commit(first)
            tx.after_commit(second)

    writing = asyncio.create_task(write())
    await inside.wait()
    writing.cancel()
    await asyncio.wait({writing})
    more.set()
    await eventually(lambda: heard == ["second"])


async def test_a_lost_answer_to_a_commit_runs_the_hooks_in_doubt(
    far: tuple[Relay, AppState, httpx.AsyncClient],
) -> None:
    way, state, _ = far
    heard: list[str] = []

    async def certain() -> None:
        heard.append("certain")

    async def doubtful() -> None:
        heard.append("doubtful")

    async def write() -> None:
        async with state.db.transaction() as tx:
            await tx.execute(INSERT, ("test-lost-commit",))
            tx.after_commit(certain)
            tx.after_commit(doubtful, in_doubt=True)
            way.freeze()

    writing = asyncio.create_task(write())
    await eventually(lambda: way.held)
    await way.cut()
    with pytest.raises(ApiError):
        await asyncio.wait_for(writing, 5)
    assert heard == ["doubtful"]


async def test_undoing_does_not_wait_for_ever(far: tuple[Relay, AppState, httpx.AsyncClient]) -> None:
    way, state, _ = far

    async def write() -> None:
        async with state.db.transaction() as tx:
            await tx.execute(INSERT, ("test-frozen-rollback",))
            way.freeze()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(write(), 5)
    assert used(state.db) == 0
