"""Counting looks at one thing by many at once.

Every look is counted and told its own number. But all who look while a count is being written are the next one
statement: what everybody looks at takes one connection, one lock and one commit at a time.
"""

import asyncio
from collections.abc import Awaitable, Callable

# Adds so many looks to a row; how many it has then, 0 when there is no such row.
Write = Callable[[int], Awaitable[int]]


class Views:
    """Looks at the rows of one table."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[int]]] = {}
        # Nobody else holds them, and a task that nobody holds may vanish.
        self._writers: set[asyncio.Task[None]] = set()

    async def count(self, row_id: int, write: Write) -> int:
        """One more look; which one it is, 0 when there is no such row. Raises what `write` raises."""
        mine: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if row_id in self._waiting:
            self._waiting[row_id].append(mine)
        else:
            self._waiting[row_id] = [mine]
            writer = asyncio.create_task(self._write(row_id, write))
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await mine

    async def _write(self, row_id: int, write: Write) -> None:
        while looks := self._waiting[row_id]:
            self._waiting[row_id] = []
            try:
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
        del self._waiting[row_id]
