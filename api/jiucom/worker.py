"""Tasks beside the requests, from the application's start to its end."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

# redis-py sometimes swallows CancelledError: cancel again every 0.5 s.
_RECANCEL_INTERVAL = 0.5


class Worker:
    """Runs `_run` in a task of its own and cancels it at the end; `_run` may be cancelled at any await."""

    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop."""
        self._task = asyncio.create_task(self._run(), name=type(self).__name__)
        self._task.add_done_callback(_log_failure)

    async def stop(self) -> None:
        """Cancel the task and wait for its end."""
        await end(self._task)

    async def _run(self) -> None:
        raise NotImplementedError


class Repeated(Worker):
    """Calls `turn` every `interval` (s). A failure is logged, and the next turn comes after `retry` (s).

    A turn is cancelled after `seconds`; otherwise one that hangs would block all later ones.
    """

    interval: float
    retry: float = 5.0
    seconds: float = 30.0

    async def turn(self) -> None:
        """One turn of the work."""
        raise NotImplementedError

    async def _run(self) -> None:
        while True:
            pause = self.interval
            try:
                async with asyncio.timeout(self.seconds):
                    await self.turn()
            except Exception as error:
                pause = min(self.interval, self.retry)
                log.warning("%s failed, and will be repeated: %s: %s", type(self).__name__, type(error).__name__, error)
            await asyncio.sleep(pause)


class Background:
    """Tasks that outlive their requests. asyncio keeps only weak references to tasks, so they are kept here until they end."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Start `work` and return. It is cancelled when the application stops."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(_log_failure)

    def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Cancel all running tasks and wait for their end."""
        await end(*self._tasks)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("%s ended", task.get_name(), exc_info=error)


async def end(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel tasks (None is skipped) and return when all of them have ended. Their exceptions are not raised here."""
    running = {task for task in tasks if task is not None}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=_RECANCEL_INTERVAL)
