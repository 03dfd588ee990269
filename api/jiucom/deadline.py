"""How long something may take: what runs longer is cancelled and answered with 503, whatever it waits for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jiucom.errors import ApiError, ErrorCode

# Where no setting says how long (s).
DEFAULT = 10.0


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


def within(seconds: float) -> float:
    """So many seconds from now, on the event loop's clock."""
    return asyncio.get_running_loop().time() + seconds
