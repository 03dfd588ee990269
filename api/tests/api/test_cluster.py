"""A Redis cluster: caches, limits and channels, also while a primary is gone and after its replica has taken over."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from jiucom.cache import RedisClient, RedisUnavailableError, keys, redis_client
from jiucom.deadline import within
from jiucom.errors import ApiError
from jiucom.guesses import Guesses
from jiucom.limiter import RateLimiter
from jiucom.limits import LOGIN
from jiucom.realtime.bus import Bus
from jiucom.settings import Settings
from jiucom.state import AppState
from jiucom.telemetry.metrics import Metrics
from testing.clients import started, state_of
from testing.redis_cluster import Cluster, await_whole, redis_cluster
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

ENTRY = keys.Entry("test", 60, "test:{0}", "value")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with redis_cluster() as found:
        yield found


@pytest.fixture(autouse=True)
def whole(cluster: Cluster) -> None:
    await_whole(cluster)


@pytest.fixture
async def client(cluster: Cluster, settings: Settings, changed: Callable[..., Settings]) -> AsyncIterator[RedisClient]:
    redis = redis_client(changed(redis_cluster_nodes=cluster.nodes), Metrics())
    yield redis
    await redis.close()


@pytest.fixture
async def state(
    cluster: Cluster, database: Settings, application: object, changed: Callable[..., Settings]
) -> AsyncIterator[AppState]:
    async with started(changed(redis_cluster_nodes=cluster.nodes, rate_limit_login=3)) as app:
        yield state_of(app)


async def test_a_pipeline_over_all_servers_answers_in_order(client: RedisClient) -> None:
    names = [f"{{{secrets.token_hex(4)}}}" for _ in range(60)]
    await client.pipeline([("SET", name, number) for number, name in enumerate(names)])
    assert await client.pipeline([("GET", name) for name in names]) == [b"%d" % number for number in range(60)]
    with pytest.raises(RedisUnavailableError, match="WRONGTYPE"):
        await client.pipeline([("GET", names[0]), ("LPUSH", names[1], 1), ("GET", names[2])])


async def test_a_value_of_a_scope_is_stored_once_and_invalidated(
    state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The application has just started. A request gives up after 45 ms, which a new connection takes on a busy machine; its value
    # is not stored then.
    monkeypatch.setattr("jiucom.cache.cache._PATIENCE", 5)
    loads = 0

    async def load() -> int:
        nonlocal loads
        loads += 1
        return loads

    scopes = [secrets.token_hex(4) for _ in range(12)]
    first = [(await state.cache.fetch(ENTRY, (scope,), load)).raw for scope in scopes]
    assert [(await state.cache.fetch(ENTRY, (scope,), load)).raw for scope in scopes] == first
    assert loads == 12
    # Of all servers, in one call.
    assert await state.cache.invalidate_now([ENTRY.scope_of(scope) for scope in scopes])
    assert [(await state.cache.fetch(ENTRY, (scope,), load)).raw for scope in scopes] == [
        b"%d" % n for n in range(13, 25)
    ]


async def test_limits_are_counted_by_the_cluster(state: AppState) -> None:
    for last in range(1, 20):
        address = f"192.0.2.{last}"
        counted = [await state.limiter.take(LOGIN, user_id=None, address=address) for _ in range(3)]
        assert [(each.count, each.local) for each in counted] == [(1, False), (2, False), (3, False)]
        await state.limiter.settle(counted[0], 200)
        assert (await state.limiter.take(LOGIN, user_id=None, address=address)).count == 3
        with pytest.raises(ApiError):
            await state.limiter.take(LOGIN, user_id=None, address=address)


async def test_networks_that_guess_are_counted_by_the_cluster(state: AppState) -> None:
    account = secrets.token_hex(4)
    for last in range(1, 4):
        await state.guesses._enter(*_guess(account, last))
    with pytest.raises(ApiError):
        await state.guesses._enter(*_guess(account, 4))
    await state.guesses.remember(account, "198.51.100.4")
    # Another replica, which knows only what the cluster knows.
    other = Guesses(state.settings, state.redis, RateLimiter(state.settings, state.redis, state.metrics))
    await other._enter(*_guess(account, 4))
    with pytest.raises(ApiError):
        await other._enter(*_guess(account, 5))


def _guess(account: str, last: int) -> tuple[str, str, str]:
    subject, guessing = f"198.51.100.{last}", f"{{limit:login-account:{account}}}"
    return guessing, f"{guessing}:known:{subject}", subject


async def test_a_slot_that_has_moved_is_followed(cluster: Cluster, client: RedisClient) -> None:
    """Not one command fails: the server that had the slot says who has it now."""
    before = cluster.primary("{moved}")
    assert await client.pipeline([("SET", "{moved}:a", 1), ("SET", "{moved}:b", 2)]) == [b"OK", b"OK"]
    cluster.hand_over(before)
    assert await client.pipeline([("GET", "{moved}:a"), ("GET", "{moved}:b")]) == [b"1", b"2"]
    assert await client.execute("INCR", "{moved}:a") == 2
    assert cluster.primary("{moved}") != before


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
async def test_a_primary_that_is_gone_is_replaced(cluster: Cluster, client: RedisClient, signal: str) -> None:
    """Keys of other primaries answer all the time; a channel of the lost one is heard again, and its keys are there."""
    channel = f"test:{signal}"
    lost = cluster.primary(channel)
    mine = [f"{{{channel}}}:{number}" for number in range(20)]
    others = [name for name in (f"{{other-{n}}}" for n in range(100)) if cluster.primary(name) != lost][:5]
    await client.pipeline([("SET", name, name) for name in (*mine, *others)])
    cluster.replicated(lost, mine[0])
    heard: list[bytes] = []
    bus = Bus(client, channel, heard.append)
    bus.start()
    try:
        await eventually(bus.listening.is_set)
        await bus.publish([b"before"])
        await eventually(lambda: heard == [b"before"])
        cluster.signal(lost, signal)

        async def taken_over() -> bool:
            assert await client.pipeline([("GET", name) for name in others]) == [name.encode() for name in others]
            try:
                return bool(await client.execute("SET", mine[0], "after"))
            except RedisUnavailableError:
                return False

        await eventually(taken_over, 30)
        assert cluster.primary(channel) != lost
        assert await client.pipeline([("GET", name) for name in mine[1:]]) == [name.encode() for name in mine[1:]]

        async def heard_again() -> bool:
            await bus.publish([b"after"])
            return b"after" in heard

        await eventually(heard_again, 30)
    finally:
        await bus.stop()
        if signal == "STOP":
            cluster.signal(lost, "CONT")
        else:
            cluster.start(lost)


async def test_a_cluster_that_is_not_there_costs_the_first_requests_only(changed: Callable[..., Settings]) -> None:
    nodes = ",".join(f"127.0.0.1:{port}" for port in (9, 19, 29))
    redis = redis_client(changed(redis_cluster_nodes=nodes), Metrics())
    try:
        for _ in range(2):
            with pytest.raises(RedisUnavailableError):
                await redis.execute("GET", "x", until=within(0.045))
        await eventually(lambda: redis._lost)  # type: ignore[attr-defined]
        with pytest.raises(RedisUnavailableError, match="no server of the cluster answers"):
            await asyncio.wait_for(redis.execute("GET", "x"), 0.2)
    finally:
        await redis.close()
