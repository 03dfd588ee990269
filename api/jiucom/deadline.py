"""Time limits: work that takes longer is cancelled, whatever it waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jiucom.errors import ApiError, ErrorCode

# For work without a setting (s).
DEFAULT = 10.0

# A timer that fires later than this means a busy event loop: the answer may have arrived and not been read yet (s).
_BUSY = 0.005
# The block then gets this much longer each time, and at most that much in all (s).
_GRACE = 0.02
_LONGEST_GRACE = 1.0


@asynccontextmanager
async def deadline(at: float) -> AsyncIterator[None]:
    """Cancels the block at `at` (s, the event loop's time). Raises ApiError 503 JIUCOM-504 then."""
    try:
        async with asyncio.timeout_at(at) as timeout:
            yield
    except TimeoutError:
        if not timeout.expired():
            raise
        raise ApiError(ErrorCode.DEADLINE_EXCEEDED, headers={"Retry-After": "1"}) from None


@asynccontextmanager
async def punctual(until: float) -> AsyncIterator[None]:
    """Cancels the block at `until` (s, the event loop's time), or later as long as the event loop is too busy to read answers.

    Raises TimeoutError.
    """
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle

    def wait(due: float) -> None:
        nonlocal timer
        timer = loop.call_at(due, check, due)

    def check(due: float) -> None:
        now = loop.time()
        if now - due > _BUSY and now - until < _LONGEST_GRACE:
            wait(now + _GRACE)
        else:
            limit.reschedule(now)

    async with asyncio.timeout(None) as limit:
        wait(until)
        try:
            yield
        finally:
            timer.cancel()


def loop_time() -> float:
    """Now, on the event loop's clock (s)."""
    return asyncio.get_running_loop().time()


def within(seconds: float) -> float:
    """The time `seconds` from now, on the event loop's clock (s)."""
    return loop_time() + seconds
