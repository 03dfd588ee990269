"""View counters, written in batches.

Every view is counted and gets its own number. Views that arrive while a write is under way are written together by the next
statement, so a popular row takes one connection, one lock and one commit at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from jiucom.deadline import DEFAULT, deadline, within

# Adds so many views to a row. Returns how many it then has, 0 when there is no such row.
Write = Callable[[int], Awaitable[int]]


class Views:
    """Counts views, per process. A write that takes longer than `seconds` fails."""

    def __init__(self, seconds: float = DEFAULT) -> None:
        self._seconds = seconds
        self._waiting: dict[Hashable, list[asyncio.Future[int]]] = {}
        # asyncio keeps only weak references to tasks.
        self._writers: set[asyncio.Task[None]] = set()

    async def count(self, row: Hashable, write: Write) -> int:
        """Count one view of `row`. Returns its number, 0 when there is no such row. Raises what `write` raises."""
        mine: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if row in self._waiting:
            self._waiting[row].append(mine)
        else:
            self._waiting[row] = [mine]
            writer = asyncio.create_task(self._write(row, write))
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await mine

    async def _write(self, row: Hashable, write: Write) -> None:
        while views := self._waiting[row]:
            self._waiting[row] = []
            try:
                async with deadline(within(self._seconds)):
                    last = await write(len(views))
            except Exception as error:
                for view in views:
                    # A cancelled caller's view is counted all the same.
                    if not view.done():
                        view.set_exception(error)
            else:
                for number, view in enumerate(views, last - len(views) + 1):
                    if not view.done():
                        view.set_result(number if last else 0)
        del self._waiting[row]
