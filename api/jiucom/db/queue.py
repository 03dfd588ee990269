"""The queue for database connections: the request that came first is first, also when it asks for its second connection.

The driver's pool gives a free connection to the next task that asks, before tasks that already wait: with 100 clients the
median wait was 70 ms and the 95th percentile 2 s. So each task takes a place here first, for which the pool has a connection.
A request that waited anew for each of its statements would lose them all to a time limit, and what it has read with them.
"""

import asyncio
import heapq
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jiucom.errors import unavailable

# Connections for logins and token checks only, so that these do not wait behind other requests.
RESERVED = 2
# Waiting tasks. A further one would time out before its turn, so it is refused at once.
_LONGEST = 1000

_urgent: ContextVar[bool] = ContextVar("urgent", default=False)
_came: ContextVar[float | None] = ContextVar("came", default=None)


@contextmanager
def urgent() -> Iterator[None]:
    """Sessions opened inside the block use the RESERVED connections. For short statements only."""
    token = _urgent.set(True)
    try:
        yield
    finally:
        _urgent.reset(token)


def came(at: float) -> None:
    """Sessions opened by this task, a request, have their turn since `at` (s, the event loop's time); others since they ask."""
    _came.set(at)


class Places:
    """A semaphore that wakes the waiting task with the lowest `since`."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def take(self) -> bool:
        """Take a free place; whether there was one. The caller calls `release` later."""
        if not self.free:
            return False
        self.free -= 1
        return True

    async def wait(self, since: float) -> None:
        """Wait for a place, and take it."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (since, next(self._count), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                # The place was given just before the task was cancelled.
                self.release()
            raise

    def release(self) -> None:
        """Give the place to the next task."""
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1


class Turns:
    """`size` tasks at a time; further ones wait for their turn, at most `seconds`."""

    def __init__(self, size: int, seconds: float) -> None:
        self.waiting = 0
        self._seconds = seconds
        self._everyone = Places(size)

    async def enter(self) -> Places:
        """Take a place; the caller calls `release()` on it. Raises ApiError 503 when the queue is full or the wait too long."""
        places = self._places()
        if not places.take():
            await self._wait(places)
        return places

    def _places(self) -> Places:
        """The places that this task may take."""
        return self._everyone

    async def _wait(self, places: Places) -> None:
        if self.waiting >= _LONGEST:
            raise unavailable()
        came_at = _came.get()
        since = asyncio.get_running_loop().time() if came_at is None else came_at
        self.waiting += 1
        try:
            async with asyncio.timeout(self._seconds):
                await places.wait(since)
        except TimeoutError:
            raise unavailable() from None
        finally:
            self.waiting -= 1


class Queue(Turns):
    """Turns for `size` connections, and for the RESERVED ones in `urgent` blocks."""

    def __init__(self, size: int, seconds: float) -> None:
        super().__init__(size, seconds)
        self._reserved = Places(RESERVED)

    @property
    def reserved_used(self) -> int:
        """Reserved places in use."""
        return RESERVED - self._reserved.free

    def _places(self) -> Places:
        return self._reserved if _urgent.get() else self._everyone
