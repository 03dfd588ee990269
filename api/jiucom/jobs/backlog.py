"""Work that is too large for a request: the request writes a row (a task), and a worker does the rest in batches.

Each replica's worker locks the next task that no other replica has locked. A batch and the position it reached are one
transaction, so a replica that dies leaves no half batch and no batch is done twice.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from jiucom.db import Database, WriteSession
from jiucom.deadline import DEFAULT, deadline, within
from jiucom.encoding import json_text
from jiucom.worker import Worker

log = logging.getLogger(__name__)

# How soon tasks written by other replicas are seen (s).
_INTERVAL = 1.0
# A new task waits until the request that wrote it has been answered (s).
_DELAY = 0.1
# A task that fails is postponed, the others go on (s).
_PAUSE_AFTER_FAILURE = 60

_ADD = """
INSERT INTO backlog (kind, subject_id, amount)
SELECT %s, task.subject_id, task.amount
FROM JSON_TABLE(%s, '$[*]' COLUMNS (subject_id BIGINT PATH '$[0]', amount INT PATH '$[1]')) AS task
"""
_NEXT = """
SELECT id, kind, subject_id, amount, position FROM backlog
WHERE next_at <= UTC_TIMESTAMP(6) ORDER BY next_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
_MOVE = "UPDATE backlog SET position = %s, next_at = UTC_TIMESTAMP(6) WHERE id = %s"
_POSTPONE = "UPDATE backlog SET next_at = UTC_TIMESTAMP(6) + INTERVAL %s SECOND WHERE id = %s"
_DELETE = "DELETE FROM backlog WHERE id = %s"
_DELETE_EARLIER = "DELETE FROM backlog WHERE kind = %s AND subject_id = %s AND id < %s"


class Task(Struct, frozen=True):
    """A row: the kind of work, the id of its subject, a number that the kind defines, and the position reached."""

    id: int
    kind: str
    subject_id: int
    amount: int | None
    position: list[Any] | None


class Added(Struct, frozen=True):
    """Emitted after the commit that wrote tasks."""


# Does one batch and returns the position to go on from, None at the end. Effects outside the database use `after_commit`.
Step = Callable[[WriteSession, Task], Awaitable[Sequence[Any] | None]]


async def add(tx: WriteSession, kind: str, *tasks: tuple[int, int | None]) -> None:
    """Write a task per subject and amount. Work on it begins after the commit."""
    if tasks:
        await tx.execute(_ADD, (kind, json_text(tasks)))
        tx.emit(Added())


async def replace_earlier(tx: WriteSession, task: Task) -> None:
    """Delete older tasks of the same kind and subject: this one does their work too. For the first batch of a step."""
    await tx.execute(_DELETE_EARLIER, (task.kind, task.subject_id, task.id))


class Backlog(Worker):
    """Works on tasks for at most half of the time, so that requests go first."""

    def __init__(self, db: Database, steps: Mapping[str, Step]) -> None:
        self._db = db
        self._steps = steps
        self._added = asyncio.Event()
        db.events.subscribe(Added, self._wake)

    async def work(self) -> bool:
        """Do one batch of the next task; False when there is none."""
        task: Task | None = None

        async def batch(tx: WriteSession) -> bool:
            nonlocal task
            task = await tx.fetch_one(_NEXT, (), Task)
            if task is None:
                return False
            position = await self._steps[task.kind](tx, task)
            if position is None:
                await tx.execute(_DELETE, (task.id,))
            else:
                await tx.execute(_MOVE, (json_text(position), task.id))
            return True

        try:
            async with deadline(within(DEFAULT)):
                return await self._db.write(batch)
        except Exception as error:
            if task is None:
                raise
            log.warning("backlog: %s %d is postponed: %s: %s", task.kind, task.subject_id, type(error).__name__, error)
            async with self._db.statement() as session:
                await session.execute(_POSTPONE, (_PAUSE_AFTER_FAILURE, task.id))
            return True

    async def _wake(self, _: Added) -> None:
        self._added.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            try:
                while await self.work():
                    await asyncio.sleep(loop.time() - began)
                    began = loop.time()
            except Exception as error:
                log.warning("backlog failed, and goes on later: %s", error)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_INTERVAL):
                    await self._added.wait()
                    await asyncio.sleep(_DELAY)
            self._added.clear()
