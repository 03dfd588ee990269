"""The cache: shared answers, one load for many requests, no stale value, Redis away."""

import asyncio
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from starlette.applications import Starlette

from jiucom.cache import Cache, RedisUnavailableError, keys
from jiucom.db import WriteSession
from jiucom.errors import ApiError, ErrorCode
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.clients import client_of, started, state_of
from testing.database import apart, root
from testing.relay import relay
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

ENTRY = keys.Entry("test", 60, "test:{0}", "value")


def requests(state: AppState, result: str) -> float:
    return (
        state.metrics.registry.get_sample_value("jiucom_cache_requests_total", {"cache": "test", "result": result}) or 0
    )


async def write(cache: Cache, state: AppState, scope: str) -> None:
    async with state.db.transaction() as session:
        await cache.invalidate(session, scope)


async def leftovers(state: AppState, scope: str) -> int:
    async with state.db.read() as session:
        return int(await session.fetch_value("SELECT COUNT(*) FROM cache_outbox WHERE scope = %s", (scope,)))


async def swept(state: AppState, scope: str) -> bool:
    return await leftovers(state, scope) == 0


async def test_the_second_read_is_a_hit(state: AppState) -> None:
    loads = 0

    async def load() -> dict[str, int]:
        nonlocal loads
        loads += 1
        return {"loads": loads}

    hits, misses = requests(state, "hit"), requests(state, "miss")
    answers = [(await state.cache.fetch(ENTRY, ("second",), load)).raw for _ in range(3)]
    assert answers == [b'{"loads":1}'] * 3
    assert (requests(state, "hit") - hits, requests(state, "miss") - misses) == (2, 1)


async def test_two_versions_share_changes_and_no_values(state: AppState) -> None:
    """While a version takes over, both read and store; neither must answer with what the other has stored."""
    later = keys.Entry(ENTRY.name, ENTRY.lifetime, ENTRY.scope, ENTRY.suffix, schema=ENTRY.schema + 1)
    values: dict[str, dict[str, object]] = {"before": {"price": 1}, "later": {"prices": [1]}}

    async def both() -> list[bytes]:
        async def loaded(version: str) -> dict[str, object]:
            return values[version]

        return [
            (await state.cache.fetch(entry, ("versions",), lambda version=version: loaded(version))).raw  # type: ignore[misc]
            for entry, version in ((ENTRY, "before"), (later, "later"))
        ]

    assert await both() == [b'{"price":1}', b'{"prices":[1]}']
    values = {"before": {"price": 2}, "later": {"prices": [2]}}
    assert await both() == [b'{"price":1}', b'{"prices":[1]}']
    await write(state.cache, state, ENTRY.scope_of("versions"))
    assert await both() == [b'{"price":2}', b'{"prices":[2]}']


async def test_concurrent_misses_run_one_select(
    seeded_client: httpx.AsyncClient, seeded: Starlette, mysql_server: tuple[int, str]
) -> None:
    """Counted by MySQL."""
    client, state = seeded_client, state_of(seeded)
    async with state.db.transaction() as session:
        await state.cache.invalidate(session, keys.part(2))
    before = await reads(mysql_server, state)
    await client.get("/parts/2")
    one = await reads(mysql_server, state) - before
    assert one > 0
    async with state.db.transaction() as session:
        await state.cache.invalidate(session, keys.part(2))
    responses = await asyncio.gather(*(client.get("/parts/2") for _ in range(200)))
    assert {response.status_code for response in responses} == {200}
    assert await reads(mysql_server, state) - before == 2 * one


async def reads(server: tuple[int, str], state: AppState) -> int:
    """Rows of offers that MySQL has read."""
    async with root(server) as cursor:
        await cursor.execute(
            "SELECT count_read FROM performance_schema.table_io_waits_summary_by_table"
            " WHERE object_schema = %s AND object_name = 'price_entries'",
            (state.settings.db_name,),
        )
        return int((await cursor.fetchone())[0])


async def test_a_loader_s_exception_is_not_cached(state: AppState) -> None:
    async def missing() -> None:
        raise ApiError(ErrorCode.PART_NOT_FOUND)

    async def found() -> str:
        return "found"

    for _ in range(2):
        with pytest.raises(ApiError):
            await state.cache.fetch(ENTRY, ("raises",), missing)
    assert (await state.cache.fetch(ENTRY, ("raises",), found)).raw == b'"found"'


@pytest.mark.parametrize(
    ("path", "status"), [("/parts/{}", 404), ("/prices/parts/{}", 404), ("/posts/{}/comments", 200)]
)
async def test_a_missing_row_is_not_cached(client: httpx.AsyncClient, state: AppState, path: str, status: int) -> None:
    """Ids in paths are arbitrary: requests for unknown ones must not fill it."""
    number = 987_654_321
    for _ in range(2):
        assert (await client.get(path.format(number))).status_code == status
    assert await state.redis.execute("KEYS", f"*{number}*") == []


async def test_version_keys_outlive_the_values_they_validate(state: AppState) -> None:
    async def load() -> str:
        return "found"

    await state.cache.fetch(ENTRY, ("life",), load)
    at = keys.version_key("test:life")
    await state.redis.execute("EXPIRE", at, 5)
    await state.redis.execute("DEL", ENTRY.key("life"))
    await eventually(lambda: not state.cache._flights._latest)
    await state.cache.fetch(ENTRY, ("life",), load)
    assert keys.VERSION_LIFETIME - 60 < await state.redis.execute("TTL", at) <= keys.VERSION_LIFETIME
    every = [entry for entry in vars(keys).values() if isinstance(entry, keys.Entry)]
    assert max(entry.lifetime for entry in every) < keys.VERSION_LIFETIME


async def test_without_redis_own_writes_are_visible_and_loads_are_shared(state: AppState) -> None:
    reading, more = asyncio.Event(), asyncio.Event()
    loads = 0

    async def load(value: str) -> str:
        nonlocal loads
        loads += 1
        reading.set()
        await more.wait()
        return value

    def ask(value: str) -> asyncio.Task[object]:
        return asyncio.create_task(state.cache.fetch(ENTRY, ("away",), lambda: load(value)))

    state.redis._cache.closed_until = float("inf")
    try:
        slow = [ask("old")]
        await reading.wait()
        slow.append(ask("old, too"))
        await asyncio.sleep(0.05)
        assert loads == 1
        await write(state.cache, state, "test:away")
        fresh = ask("new")
        await eventually(lambda: loads == 2)
        more.set()
        answers = [getattr(await each, "raw", b"") for each in (*slow, fresh)]
        assert answers == [b'"old"', b'"old"', b'"new"']
    finally:
        more.set()
        state.redis._cache.closed_until = 0.0
    await eventually(lambda: swept(state, "test:away"), 10)


async def test_a_value_read_before_a_write_is_never_served(state: AppState) -> None:
    """The reader sits between the write's commit and its own store."""
    reading, written = asyncio.Event(), asyncio.Event()

    async def old() -> str:
        reading.set()
        await written.wait()
        return "old"

    async def new() -> str:
        return "new"

    slow = asyncio.create_task(state.cache.fetch(ENTRY, ("race",), old))
    await reading.wait()
    await write(state.cache, state, "test:race")
    # A request after the write does not join the load that began before it.
    assert (await state.cache.fetch(ENTRY, ("race",), new)).raw == b'"new"'
    written.set()
    assert (await slow).raw == b'"old"'
    assert (await state.cache.fetch(ENTRY, ("race",), new)).raw == b'"new"'


async def test_a_rolled_back_write_invalidates_nothing(state: AppState) -> None:
    async def load(value: str) -> str:
        return value

    await state.cache.fetch(ENTRY, ("rollback",), lambda: load("first"))

    async def fail(session: WriteSession) -> None:
        await state.cache.invalidate(session, "test:rollback")
        raise ApiError(ErrorCode.CONFLICT)

    with pytest.raises(ApiError):
        await state.db.write(fail)
    assert (await state.cache.fetch(ENTRY, ("rollback",), lambda: load("second"))).raw == b'"first"'
    assert await leftovers(state, "test:rollback") == 0


async def test_no_stale_value_remains_after_a_writer_dies(state: AppState) -> None:
    """Its row in the outbox outlives it; any replica raises the version."""

    async def load(value: str) -> str:
        return value

    await state.cache.fetch(ENTRY, ("dead",), lambda: load("first"))
    async with state.db.transaction() as session:
        # Like `invalidate` in a process that dies after the commit.
        await session.insert("INSERT INTO cache_outbox (scope) VALUES (%s)", ("test:dead",))
    await eventually(lambda: swept(state, "test:dead"), 10)
    assert (await state.cache.fetch(ENTRY, ("dead",), lambda: load("second"))).raw == b'"second"'


@pytest.fixture
async def own_redis(
    changed: Callable[..., Settings], mysql_server: tuple[int, str]
) -> AsyncIterator[tuple[str, Settings]]:
    """A Redis to be stopped: its container, and settings with it. Replicas of one schema share one Redis, so the schema
    is the test's own too."""
    async with apart(mysql_server, changed(), f"t_{secrets.token_hex(6)}") as own:
        yield own


async def test_readers_of_redis_receive_invalidations(
    redis_server: tuple[str, int], database: Settings, changed: Callable[..., Settings]
) -> None:
    """An open circuit of other commands does not prevent invalidation."""
    async with relay(redis_server[1]) as way, started(changed(redis_port=way.port)) as app:
        state = state_of(app)
        # Nothing else asks meanwhile.
        await state.runtime.stop()

        async def load(value: int) -> int:
            return value

        assert (await state.cache.fetch(ENTRY, ("read",), lambda: load(1))).raw == b"1"
        way.freeze()
        with pytest.raises(RedisUnavailableError):
            await state.redis.execute("PUBLISH", "nobody", "hears")
        way.thaw()
        await write(state.cache, state, "test:read")
        assert (await state.cache.fetch(ENTRY, ("read",), lambda: load(2))).raw == b"2"


async def test_concurrent_reads_of_a_slow_redis_do_not_queue(
    redis_server: tuple[str, int], changed: Callable[..., Settings], database: Settings
) -> None:
    """There are ten connections: in turns, the last would wait ten times as long."""

    async def load() -> str:
        return "found"

    async with relay(redis_server[1]) as way, started(changed(redis_port=way.port)) as app:
        state = state_of(app)
        await state.cache.fetch(ENTRY, ("warm",), load)
        way.delay = 0.15
        before = mgets(state)
        answers = await asyncio.gather(*(state.cache.fetch(ENTRY, (n,), load) for n in range(100)))
        assert {answer.raw for answer in answers} == {b'"found"'}
        # In turns, all would get an answer, the last of them after 1.5 s. A busy event loop lets some more through.
        assert mgets(state) - before < 60
        # They were late together.
        assert state.redis._cache.late < 5


def mgets(state: AppState) -> float:
    return state.metrics.registry.get_sample_value("jiucom_redis_calls_total", {"command": "MGET"}) or 0


async def test_readers_share_a_load_that_began_after_they_asked(state: AppState) -> None:
    """Of many concurrent lookups some get the version, others time out; later ones may know of a change."""
    loads, more = 0, asyncio.Event()

    async def load() -> str:
        nonlocal loads
        loads += 1
        await more.wait()
        return "found"

    def ask() -> asyncio.Task[object]:
        return asyncio.create_task(state.cache.fetch(ENTRY, ("join",), load))

    await write(state.cache, state, "test:join")
    slots = state.redis._cache.slots
    for _ in range(10):
        await slots.acquire()
    failures = state.metrics.redis_failures._value.get()
    asking = []
    # One gets through; the next waits for nothing, and began before.
    for each in (ask, lambda: asyncio.create_task(slots.acquire()), ask):
        asking.append(each())
        await asyncio.sleep(0)
    slots.release()
    await eventually(lambda: loads)
    await eventually(lambda: state.metrics.redis_failures._value.get() > failures)
    assert loads == 1
    asking.append(ask())
    await eventually(lambda: loads == 2)
    more.set()
    await asyncio.gather(*asking)
    for _ in range(10):
        slots.release()


@pytest.mark.parametrize("fault", ["gone", "silent"])
async def test_without_redis_answers_are_the_same(own_redis: tuple[str, Settings], fault: str) -> None:
    """Bounded delay, counted failures, invalidation made up for when Redis is back."""
    container, settings = own_redis
    down, up = ("kill", "start") if fault == "gone" else ("pause", "unpause")
    async with started(settings) as app, client_of(app) as client:
        state = state_of(app)
        answer = (await client.get("/parts/3")).json()["data"]
        await client.get("/parts/3")
        await asyncio.to_thread(servers.docker, down, container)
        try:
            times = []
            for _ in range(40):
                before = time.perf_counter()
                response = await client.get("/parts/3")
                times.append(time.perf_counter() - before)
                assert response.json()["data"] == answer
            assert statistics.median(times) < 0.05
            assert max(times) < 1
            # A write while Redis is away.
            async with state.db.transaction() as session:
                await session.execute("UPDATE parts SET image_url = %s WHERE id = 3", (f"/{fault}.png",))
                await state.cache.invalidate(session, keys.part(3))
            assert (await client.get("/parts/3")).json()["data"]["imageUrl"] == f"/{fault}.png"
            failures = state.metrics.registry.get_sample_value("jiucom_redis_failures_total")
            assert failures is not None
            assert failures > 20
        finally:
            await asyncio.to_thread(servers.docker, up, container)

        async def fresh() -> bool:
            hit = state.metrics.registry.get_sample_value(
                "jiucom_cache_requests_total", {"cache": "part_detail", "result": "hit"}
            )
            image = (await client.get("/parts/3")).json()["data"]["imageUrl"]
            again = state.metrics.registry.get_sample_value(
                "jiucom_cache_requests_total", {"cache": "part_detail", "result": "hit"}
            )
            return bool(image == f"/{fault}.png" and again and hit and again > hit)

        await eventually(fresh, 15)
        await eventually(lambda: swept(state, keys.part(3)), 8)
