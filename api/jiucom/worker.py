"""What runs beside the requests, from the application's start to its end."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

# A cancellation may be lost: redis-py answers now and then as if it had not heard it. Then it is said again (s).
_AGAIN = 0.5


class Worker:
    """Does `_run` in a task of its own, which is cancelled at the end: `_run` must bear that at any point."""

    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name=type(self).__name__)
        self._task.add_done_callback(_tell_failure)

    async def stop(self) -> None:
        """End what `start` began."""
        await end(self._task)

    async def _run(self) -> None:
        raise NotImplementedError


class Repeated(Worker):
    """Calls `turn` every `interval` (s). A failure is logged, and the next turn comes after `retry` (s).

    A turn is cancelled after `seconds`: one that hangs would block all later ones.
    """

    interval: float
    retry: float = 5.0
    seconds: float = 30.0

    async def turn(self) -> None:
        """One turn."""
        raise NotImplementedError

    async def _run(self) -> None:
        while True:
            pause = self.interval
            try:
                async with asyncio.timeout(self.seconds):
                    await self.turn()
            except Exception as error:
                pause = min(self.interval, self.retry)
                log.warning("%s waits: %s: %s", type(self).__name__, type(error).__name__, error)
            await asyncio.sleep(pause)


class Background:
    """Tasks that requests leave behind. asyncio keeps only weak references to tasks: these are kept until they end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start `work` and return. It is cancelled when the application stops."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_tell_failure)

    def start(self) -> None:
        """Nothing runs until a request leaves something."""

    async def stop(self) -> None:
        """Cancel what still runs, and wait for its end."""
        await end(*self._tasks)


def _tell_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("%s ended", task.get_name(), exc_info=error)


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks (None is none) and return when all of them have ended. What they raised is not raised here."""
    running = {task for task in tasks if task is not None}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_AGAIN)
