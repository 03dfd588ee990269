"""Sessions on MySQL: reads, transactions, single statements.

A statement must not run on in MySQL after the request's deadline: each connection limits the time of a SELECT and of the wait
for a lock.
"""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from asyncmy.connection import Connection
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jiucom.clock import Clock
from jiucom.db.errors import DeadlockError, DuplicateKeyError, translated
from jiucom.db.events import Events
from jiucom.db.line import options
from jiucom.db.pool import Pool
from jiucom.db.probe import Probe
from jiucom.db.queue import Turns
from jiucom.db.reading import reader, written
from jiucom.db.replicas import UNKNOWN, Replicas
from jiucom.db.session import Hook, ReadSession, ResponseTimeout, StatementSession, WriteSession
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

_ATTEMPTS = 5
# Longer than any commit or rollback of a server that works (s).
_COMMIT_TIMEOUT = 10.0
_ROLL_BACK_TIMEOUT = 1.0
# The connection is closed when the server has not answered so long after its own limits (s).
_SILENCE = 20.0


class Database:
    """Connect once, then `read()`, `transaction()` or `write(work)`.

    A SELECT takes at most `seconds`, by default as long as a request, and the wait for a lock half of that.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        metrics: Metrics,
        seconds: float | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        self.events = Events()
        self._clock = clock
        seconds = seconds or settings.request_deadline
        self._searches = Turns(settings.db_searches, settings.db_acquire_timeout)
        self._silence = seconds + _SILENCE
        # asyncio keeps only weak references to tasks.
        self._finishing: set[asyncio.Task[None]] = set()
        self._probe = Probe(options(settings, settings.db_host, settings.db_port))
        self._pool = Pool(
            settings,
            settings.db_host,
            settings.db_port,
            seconds=seconds,
            patience=settings.db_acquire_timeout,
            minimum=settings.db_pool_size,
            acquired=metrics.db_acquire,
        )
        # None where there are none: reads then cost nothing more.
        self._replicas = replicas or None
        metrics.registry.register(_PoolMetrics(self))

    async def connect(self) -> None:
        """Open the pools. Raises what the driver raises; a replica may be away."""
        await self._pool.connect()
        if self._replicas:
            await self._replicas.connect()

    async def disconnect(self) -> None:
        """Close the pools; waits for connections in use and for hooks after commits."""
        if self._finishing:
            await asyncio.wait(self._finishing)
        await self._probe.close()
        if self._replicas:
            await self._replicas.disconnect()
        await self._pool.disconnect()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for reads. Inside a transaction of the same task it reads that transaction.

        It may be on a replica inside `reading.replica_allowed`.
        """
        if self._replicas and (wish := reader()) and not self._pool.held:
            async with AsyncExitStack() as held:
                primary = partial(held.enter_async_context, self._pool.connection())
                session = await held.enter_async_context(self._replicas.session(wish, primary))
                if session is not None:
                    yield session
                    return
        if self._replicas:
            self._replicas.reads.labels("primary").inc()
        async with self._pool.connection() as (connection, waited):
            yield ReadSession(connection, self._clock, waited, self._silence)

    async def keep_position(self, user_id: int) -> None:
        """Let the user's reads from replicas show what is committed until now. Never raises; without replicas it does nothing."""
        if not self._replicas:
            return
        position = UNKNOWN
        try:
            async with self._pool.connection() as (connection, waited):
                session = ReadSession(connection, self._clock, waited, self._silence)
                position = await session.fetch_value("SELECT @@GLOBAL.gtid_executed")
        except Exception as error:
            log.warning("the reads of a user go to the primary for some seconds: %r", error)
        await self._replicas.keep(user_id, position)

    @asynccontextmanager
    async def search(self) -> AsyncIterator[ReadSession]:
        """`read()` for statements that search a full-text index: DB_SEARCHES at a time, in the order in which they came.

        Each takes a core of MySQL for milliseconds. More at a time only slow one another down, and hold connections that other
        requests wait for.
        """
        turn = await self._searches.enter()
        try:
            async with self.read() as session:
                yield session
        finally:
            turn.release()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """A transaction: committed at the end of the block, rolled back when it raises. Not retried: see `write`.

        If the caller is cancelled during the commit, the commit and its hooks still finish in the background.
        """
        written()
        async with AsyncExitStack() as held:
            connection, waited = await held.enter_async_context(self._pool.connection())
            if connection.get_transaction_status():
                raise RuntimeError("a transaction inside a transaction: pass the WriteSession on instead")
            session = WriteSession(connection, self._clock, waited, self._silence, self.events)
            try:
                with translated(), ResponseTimeout(connection, self._silence):
                    await connection.begin()
                yield session
            except BaseException:
                await _roll_back(connection)
                raise
            # From here on the background task owns the connection; this task would get another one.
            self._pool.let_go()
            await self._finish(_commit(held.pop_all(), connection, session))

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[WriteSession]:
        """A session for a single writing statement, without the two round trips that begin and end a transaction."""
        written()
        async with self._pool.connection() as (connection, waited):
            session = StatementSession(connection, self._clock, waited, self._silence, self.events)
            yield session
        # Views are counted like this, without hooks: do not make a task.
        if session.hooks:
            await self._finish(_run_hooks(session.hooks))

    async def write(
        self,
        work: Callable[[WriteSession], Awaitable[T]],
        *,
        retry_duplicates: bool = False,
        one_statement: bool = False,
    ) -> T:
        """Run `work` in a transaction, again after deadlocks (and, where asked, after a lost race for a unique key).

        `work` may run several times, so effects outside the database belong into `after_commit`. `one_statement` uses
        `statement()` instead of a transaction. Raises what the last try raised.
        """
        retried = (DeadlockError, DuplicateKeyError) if retry_duplicates else (DeadlockError,)
        begin = self.statement if one_statement else self.transaction
        for attempt in range(1, _ATTEMPTS):
            try:
                async with begin() as session:
                    return await work(session)
            except retried:
                # A random pause, or the same transactions would collide again.
                await asyncio.sleep(random.uniform(0.002, 0.02) * attempt)  # noqa: S311
        async with begin() as session:
            return await work(session)

    async def is_alive(self) -> bool:
        """Whether the database answers within a second, however busy the pool is. A result is at most a second old."""
        return await self._probe.is_alive()

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Finish `work`, even if this task is cancelled."""
        task = asyncio.create_task(work)
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)
        await asyncio.shield(task)

    def gauges(self) -> Iterator[tuple[str, str, int]]:
        """Name, text and value of the gauges of the pool and of the searches."""
        yield from self._pool.gauges()
        yield "waiting_searches", "Searches that wait for their turn", self._searches.waiting


async def _commit(held: AsyncExitStack, connection: Connection, session: WriteSession) -> None:
    """Commit, release the connection, then run the hooks."""
    try:
        async with held:
            try:
                with translated():
                    async with asyncio.timeout(_COMMIT_TIMEOUT):
                        await connection.commit()
            except BaseException:
                await _roll_back(connection)
                raise
    except BaseException:
        await _run_hooks(session.hooks_in_doubt)
        raise
    await _run_hooks(session.hooks)


async def _run_hooks(hooks: Sequence[Hook]) -> None:
    """Run hooks after a commit."""
    for hook in hooks:
        try:
            await hook()
        except Exception:
            log.exception("a hook after a commit failed")


async def _roll_back(connection: Connection) -> None:
    """Roll back. If that fails, close the connection, so that the pool replaces it."""
    try:
        async with asyncio.timeout(_ROLL_BACK_TIMEOUT):
            await connection.rollback()
    except BaseException:
        connection.close()


class _PoolMetrics(Collector):
    def __init__(self, database: Database) -> None:
        self._database = database

    def collect(self) -> Iterator[Metric]:
        for name, text, value in self._database.gauges():
            yield GaugeMetricFamily(f"jiucom_db_pool_{name}", text, value)
