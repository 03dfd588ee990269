"""Counting looks at one thing by many at once.

Every look is counted and told its own number. But all who look while a count is being written are the next one
statement: what everybody looks at takes one connection, one lock and one commit at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from jiucom.deadline import DEFAULT, deadline, within

# Adds so many looks to a row; how many it has then, 0 when there is no such row.
Write = Callable[[int], Awaitable[int]]


class Views:
    """Counts looks, per process. A write that takes longer than `seconds` fails."""

    def __init__(self, seconds: float = DEFAULT) -> None:
        self._seconds = seconds
        self._waiting: dict[Hashable, list[asyncio.Future[int]]] = {}
        # Nobody else holds them, and a task that nobody holds may vanish.
        self._writers: set[asyncio.Task[None]] = set()

    async def count(self, row: Hashable, write: Write) -> int:
        """One more look at the row that `row` names; which one it is, 0 when there is no such row. Raises what `write` raises."""
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
        while looks := self._waiting[row]:
            self._waiting[row] = []
            try:
                async with deadline(within(self._seconds)):
                    last = await write(len(looks))
            except Exception as error:
                for look in looks:
                    # Who gave up waiting is counted all the same.
                    if not look.done():
                        look.set_exception(error)
            else:
                for number, look in enumerate(looks, last - len(looks) + 1):
                    if not look.done():
                        look.set_result(number if last else 0)
        del self._waiting[row]
