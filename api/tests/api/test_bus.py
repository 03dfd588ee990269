"""Messages between replicas (issue 4): a channel is heard, whenever it was added."""

import asyncio
import contextlib
from functools import partial

import pytest

from jiucom.cache.redis import RedisUnavailableError
from jiucom.realtime.bus import Bus
from jiucom.state import AppState
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


async def test_channels_that_are_added_while_the_first_ones_are_subscribed(state: AppState) -> None:
    """Once at each turn of the loop from the start until Redis has answered, and a few times after it."""
    turns, after = 0, 0
    while after < 3:
        bus = Bus(state.redis)
        bus.handle("test:first", lambda _: None)
        bus.start()
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
            after += bus.listening.is_set()
            heard: list[bytes] = []
            await bus.subscribe(f"test:{turns}", heard.append)
            await eventually(bus.listening.is_set)
            await eventually(partial(published, bus, f"test:{turns}"))
            await eventually(partial(bool, heard))
        finally:
            await bus.stop()
        turns += 1


async def published(bus: Bus, channel: str) -> int:
    """How many heard it; none while Redis, on a busy machine, does not answer in time."""
    with contextlib.suppress(RedisUnavailableError):
        return await bus.publish(channel, b"x")
    return 0
