"""The pool under load: tasks are served in turn, logins and cached answers go on, MySQL ends abandoned statements."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from starlette.applications import Starlette

from jiucom.db import DeadlockError, WriteSession, queue
from jiucom.errors import ApiError, ErrorCode
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import bearer, login, profile, signup
from testing.clients import client_of, started, state_of
from testing.relay import relay
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture
async def small(changed: Callable[..., Settings], database: Settings) -> AsyncIterator[Starlette]:
    """An application with two connections, without workers that use them."""
    async with started(changed(db_pool_size=2, db_acquire_timeout=30)) as app:
        state = state_of(app)
        for worker in (state.outbox, state.cache, state.accounts, state.realtime, state.backlog):
            await worker.stop()
        await eventually(lambda: value(state, "used") == 0)
        yield app


def value(state: AppState, gauge: str) -> int:
    return next(number for name, _, number in state.db.gauges() if name == gauge)


@asynccontextmanager
async def busy(state: AppState) -> AsyncIterator[None]:
    """Every connection of the pool is in use."""
    async with AsyncExitStack() as stack:

        async def hold() -> None:
            async with state.db.read():
                held.release()
                await done.wait()

        held, done = asyncio.Semaphore(0), asyncio.Event()
        holders = [asyncio.create_task(hold()) for _ in range(state.settings.db_pool_size)]
        for _ in holders:
            await held.acquire()
        stack.callback(done.set)
        yield
        done.set()
        await asyncio.gather(*holders)


async def test_tasks_are_served_in_the_order_they_came(small: Starlette) -> None:
    """Also before a task that gives a connection back and wants one again at once."""
    state, asked, served = state_of(small), list[str](), list[str]()

    async def ask(name: str, times: int) -> None:
        for _ in range(times):
            asked.append(name)
            async with state.db.read() as session:
                served.append(name)
                await session.fetch_value("SELECT SLEEP(0.001)")

    async with busy(state):
        tasks = [asyncio.create_task(ask(name, 3)) for name in "abcdef"]
        await eventually(lambda: value(state, "waiting") == 6)
    await asyncio.gather(*tasks)
    assert len(served) == 18
    assert served == asked


async def test_a_request_keeps_its_turn_for_its_next_connection(small: Starlette) -> None:
    """Requests that came later wait, also those that asked for their first connection before it asked for its second."""
    state, served = state_of(small), list[str]()

    async def request(name: str, came: float) -> None:
        queue.came(came)
        for _ in range(2):
            async with state.db.read() as session:
                served.append(name)
                await session.fetch_value("SELECT SLEEP(0.001)")

    async with busy(state):
        tasks = [asyncio.create_task(request(name, came)) for came, name in enumerate("abcdef")]
        await eventually(lambda: value(state, "waiting") == 6)
    await asyncio.gather(*tasks)
    # A place goes to the next task at once; so two others may begin before a request is back in the queue.
    seconds = {name: served.index(name, served.index(name) + 1) for name in "abcdef"}
    assert seconds["a"] < served.index("e")
    assert seconds["b"] < served.index("f")


async def test_a_session_inside_another_takes_no_second_place(small: Starlette) -> None:
    state = state_of(small)

    async def nested() -> int:
        async with state.db.transaction() as tx, state.db.read() as session:
            return int(await session.fetch_value("SELECT CONNECTION_ID()")) - int(
                await tx.fetch_value("SELECT CONNECTION_ID()")
            )

    assert await asyncio.wait_for(asyncio.gather(*(nested() for _ in range(20))), 20) == [0] * 20
    assert value(state, "used") == 0


async def test_places_of_cancelled_tasks_are_free_again(small: Starlette) -> None:
    state = state_of(small)

    async def ask() -> int:
        async with state.db.read() as session:
            return int(await session.fetch_value("SELECT 1"))

    async with busy(state):
        tasks = [asyncio.create_task(ask()) for _ in range(10)]
        await eventually(lambda: value(state, "waiting") == 10)
        for task in tasks[::2]:
            task.cancel()
        await eventually(lambda: value(state, "waiting") == 5)
    assert await asyncio.gather(*tasks[1::2]) == [1] * 5
    assert await asyncio.gather(*(ask() for _ in range(10))) == [1] * 10


async def test_a_full_queue_refuses_at_once(small: Starlette, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "_LONGEST", 3)
    state = state_of(small)
    async with client_of(small) as client, busy(state):
        waiting = [asyncio.create_task(client.get("/parts")) for _ in range(3)]
        await eventually(lambda: value(state, "waiting") == 3)
        refused = await asyncio.wait_for(client.get("/parts"), 5)
        assert (refused.status_code, refused.json()["code"]) == (503, "JIUCOM-503")
        assert refused.headers["Retry-After"] == "1"
        assert not any(task.done() for task in waiting)
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 3


async def test_logins_and_cached_answers_go_on_while_the_pool_is_busy(small: Starlette) -> None:
    state = state_of(small)
    async with client_of(small) as client:
        account = await signup(client)
        cached = (await client.get("/parts/3")).json()["data"]
        async with busy(state):
            waiting = asyncio.create_task(client.get("/parts"))
            await eventually(lambda: value(state, "waiting") == 1)
            again = await asyncio.wait_for(login(client, account.email), 10)
            assert again.status_code == 200
            assert (await asyncio.wait_for(client.get("/parts/3"), 10)).json()["data"] == cached
            # The token is checked in the database, too.
            state.accounts._known.clear()
            token = bearer(again.json()["data"])
            assert (await asyncio.wait_for(client.get("/parts/3", headers=token), 10)).status_code == 200
            assert not waiting.done()
        assert (await waiting).status_code == 200
        assert (await profile(client, account.tokens)).status_code == 200


async def test_searches_leave_connections_to_other_requests(
    changed: Callable[..., Settings], database: Settings
) -> None:
    """While one search runs, others wait for their turn without a connection, and a list is answered."""
    async with started(changed(db_searches=1, db_pool_size=4, db_acquire_timeout=30)) as app, client_of(app) as client:
        state = state_of(app)
        async with AsyncExitStack() as running:
            await running.enter_async_context(state.db.search())
            paths = (
                "/parts/search?keyword=rtx",
                "/parts?keyword=rtx",
                "/posts/search?keyword=rtx",
                "/search?keyword=rtx",
            )
            searches = [asyncio.create_task(client.get(path)) for path in paths]
            await eventually(lambda: value(state, "waiting_searches") == len(paths))
            assert (await asyncio.wait_for(client.get("/parts?page=1&size=3"), 10)).status_code == 200
            assert not any(search.done() for search in searches)
        assert [answer.status_code for answer in await asyncio.gather(*searches)] == [200] * len(paths)


async def test_readiness_does_not_wait_for_the_pool(small: Starlette) -> None:
    state = state_of(small)
    async with client_of(small) as client, busy(state):
        answers = await asyncio.gather(*(client.get("/actuator/health/readiness") for _ in range(5)))
        assert {answer.status_code for answer in answers} == {200}


async def test_readiness_is_at_most_a_second_old(
    mysql_server: tuple[int, str], changed: Callable[..., Settings], database: Settings
) -> None:
    async with relay(mysql_server[0]) as way, started(changed(db_port=way.port)) as app, client_of(app) as client:
        db = state_of(app).db
        assert await asyncio.gather(*(db.is_alive() for _ in range(3))) == [True] * 3
        way.freeze()
        db._probe._answered_at = 0.0
        # Concurrent callers wait for the new result; none gets the old one.
        answers = await asyncio.gather(*(client.get("/actuator/health") for _ in range(3)))
        assert {answer.status_code for answer in answers} == {503}
        way.thaw()
        await eventually(db.is_alive)


async def test_a_server_that_closed_the_connection_is_asked_again(state: AppState) -> None:
    assert await state.db.is_alive()
    connection = state.db._probe._line._connection
    assert connection is not None
    async with state.db.read() as session:
        await session.fetch_rows(f"KILL {connection.thread_id()}")
    state.db._probe._answered_at = 0.0
    assert await state.db.is_alive()


async def test_mysql_ends_a_select_with_the_request(changed: Callable[..., Settings], database: Settings) -> None:
    async with started(changed(request_deadline=1)) as app:
        db = state_of(app).db
        endless = "SELECT SUM(SHA2(UUID(), 512) > 'f') FROM parts a, parts b, parts c, parts d, parts e, parts f"
        with pytest.raises(ApiError) as caught:
            async with db.read() as session:
                await session.fetch_value(endless)
        assert caught.value.error is ErrorCode.SERVICE_UNAVAILABLE
        assert "maximum statement execution time" in str(caught.value.__cause__)
        # The connection is still good.
        async with db.read() as session:
            assert await session.fetch_value("SELECT 1") == 1


async def test_a_wait_for_a_lock_ends_after_half_a_request(
    changed: Callable[..., Settings], database: Settings, state: AppState
) -> None:
    async with started(changed(request_deadline=2)) as app, state.db.transaction() as tx:
        await tx.execute("UPDATE parts SET image_url = image_url WHERE id = 1")
        db = state_of(app).db
        async with db.read() as session:
            limits = "SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout, @@max_execution_time"
            # Without them the same would come after 50 s.
            assert list(await session.fetch_rows(limits)) == [(1, 1, 2000)]
        with pytest.raises(DeadlockError) as caught:
            async with db.transaction() as second:
                await second.execute("UPDATE parts SET image_url = image_url WHERE id = 1")
        assert "Lock wait timeout" in str(caught.value.__cause__)


@pytest.mark.parametrize("begin", [False, True])
async def test_a_silent_mysql_times_out(
    mysql_server: tuple[int, str],
    changed: Callable[..., Settings],
    database: Settings,
    monkeypatch: pytest.MonkeyPatch,
    begin: bool,
) -> None:
    """Workers have no deadline of their own: a connection that died without a word would hold its place for hours."""
    monkeypatch.setattr("jiucom.db.database._SILENCE", -0.7)
    async with relay(mysql_server[0]) as way, started(changed(db_port=way.port, request_deadline=1)) as app:
        state = state_of(app)
        for worker in (state.outbox, state.cache, state.accounts, state.realtime, state.backlog):
            await worker.stop()
        # Reads of the other workers at start-up must have ended: with the server frozen they would keep their connections.
        await eventually(lambda: value(state, "used") == 0)

        async def read() -> None:
            async with state.db.read() as session:
                way.freeze()
                # More than the kernel takes from us for a peer that reads nothing.
                await session.fetch_value("SELECT LENGTH(%s)", ("x" * 8_000_000,))

        async def write(_: WriteSession) -> None:
            raise AssertionError("the transaction has not begun")

        if begin:
            way.freeze()
        with pytest.raises(ApiError) as caught:
            await asyncio.wait_for(state.db.write(write) if begin else read(), 10)
        assert caught.value.error is ErrorCode.SERVICE_UNAVAILABLE
        await eventually(lambda: value(state, "used") == 0)
        way.thaw()
        async with state.db.read() as session:
            assert await session.fetch_value("SELECT 1") == 1
