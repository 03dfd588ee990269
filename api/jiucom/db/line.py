"""The line for a connection: first come, first served.

The driver's pool gives a free connection to whoever asks next, before those who wait for one: with 100 clients half of them
waited 70 ms, and one in twenty 2 s. So everyone takes a place here first, and the pool is never asked by more than it has.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jiucom.errors import unavailable

# Connections that only logins and the check of tokens use: they go on while everything else waits.
RESERVED = 2
# Who comes later would give up before its turn: refused at once, which costs next to nothing.
_LONGEST = 1000

_urgent: ContextVar[bool] = ContextVar("urgent", default=False)


@contextmanager
def urgent() -> Iterator[None]:
    """What is done inside takes one of the RESERVED connections. For short statements only."""
    token = _urgent.set(True)
    try:
        yield
    finally:
        _urgent.reset(token)


class Line:
    """`size` places for everyone, RESERVED for what is urgent; nobody waits longer than `seconds` for one."""

    def __init__(self, size: int, seconds: float) -> None:
        self.waiting = 0
        self._seconds = seconds
        self._everyone = asyncio.Semaphore(size)
        self._reserved = asyncio.Semaphore(RESERVED)

    @property
    def reserved_used(self) -> int:
        """Places in use of those that are kept for what is urgent."""
        return RESERVED - self._reserved._value

    async def enter(self) -> asyncio.Semaphore:
        """A place: `release()` it. Raises ApiError 503 when the line is full or the wait too long."""
        places = self._reserved if _urgent.get() else self._everyone
        if places.locked():
            await self._wait(places)
        else:
            await places.acquire()  # does not wait
        return places

    async def _wait(self, places: asyncio.Semaphore) -> None:
        if self.waiting >= _LONGEST:
            raise unavailable()
        self.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await places.acquire()
        except TimeoutError:
            raise unavailable() from None
        finally:
            self.waiting -= 1
