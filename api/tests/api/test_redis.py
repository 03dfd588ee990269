"""The Redis client: which answers count as late, and what a slow Redis costs."""

import asyncio
import statistics
import time
from collections.abc import Callable

import pytest

from jiucom.cache import RedisUnavailableError
from jiucom.deadline import within
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import client_of, started, state_of
from testing.relay import relay

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("until", [0.045, None])
async def test_a_busy_loop_does_not_make_redis_look_absent(state: AppState, until: float | None) -> None:
    """The answer lies there, and only this process has not read it yet."""
    sent = state.metrics.registry.get_sample_value
    pings = {"command": "ECHO"}

    async def ask() -> object:
        return await state.redis.execute("ECHO", "x", until=None if until is None else within(until))

    await ask()
    before = sent("jiucom_redis_calls_total", pings) or 0
    failures = state.metrics.redis_failures._value.get()
    for _ in range(5):
        asking = asyncio.create_task(ask())
        while (sent("jiucom_redis_calls_total", pings) or 0) == before:  # noqa: ASYNC110
            await asyncio.sleep(0)
        before += 1
        # On its way by now.
        time.sleep(0.5)  # noqa: ASYNC251
        assert await asking == b"x"
    assert state.metrics.redis_failures._value.get() == failures


async def test_a_slow_redis_delays_answers_by_little(
    redis_server: tuple[str, int], changed: Callable[..., Settings], database: Settings
) -> None:
    """Under 50 ms. Answers are in time, except for the cache with its short timeout."""
    async with relay(redis_server[1]) as way, started(changed(redis_port=way.port)) as app, client_of(app) as client:
        state = state_of(app)
        answer = (await client.get("/parts/3")).json()["data"]
        way.delay = 0.15
        times = []
        for _ in range(10):
            # As after a second without commands.
            state.redis._cache.closed_until = 0
            before = time.perf_counter()
            response = await client.get("/parts/3")
            times.append(time.perf_counter() - before)
            assert response.json()["data"] == answer
        assert statistics.median(times) < 0.1
        failures = state.metrics.registry.get_sample_value("jiucom_redis_failures_total")
        assert failures is not None
        assert failures >= 10
        # Commands with a longer timeout get answers meanwhile.
        way.delay = 0
        await state.redis.execute("PING")
        way.delay = 0.15
        assert await state.redis.execute("PING") is not None
        # One late answer is no reason to go without; several are.
        way.delay = 0
        state.redis._cache.closed_until = 0
        await state.redis.execute("PING", until=within(1))
        way.delay = 0.15
        await client.get("/parts/3")
        assert not state.redis._cache.closed_until
        for _ in range(5):
            await client.get("/parts/3")
        with pytest.raises(RedisUnavailableError, match="circuit open"):
            await state.redis.execute("PING", until=within(1))
