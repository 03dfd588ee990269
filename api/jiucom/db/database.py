"""The pool, and sessions from it.

`databases` owns the pool. Everything else goes past it: its own statements are three times slower than the driver's,
and its transaction loses a connection for good when it is cancelled.
"""

import asyncio
import logging
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from asyncmy.connection import Connection
from asyncmy.constants.CLIENT import FOUND_ROWS
from databases import Database as Pool
from databases import DatabaseURL
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jiucom.clock import Clock
from jiucom.db.errors import DeadlockError, DuplicateKeyError, translated
from jiucom.db.events import Events
from jiucom.db.session import Hook, ReadSession, StatementSession, WriteSession
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

# Below MySQL's wait_timeout, so that the server is never the first to close (s).
_RECYCLE = 1800
# With fewer, seventy endpoints' statements push each other out (trap 37).
_STATEMENTS = 256
_ATTEMPTS = 5
# Longer than any commit takes, and than a server needs that still answers (s).
_COMMIT_TIMEOUT = 10.0
_ROLL_BACK_TIMEOUT = 1.0
_PING_TIMEOUT = 1.0
_PING_LIFETIME = 1.0


class Database:
    """Connect once, then `read()`, `transaction()` or `write(work)`."""

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics) -> None:
        self.events = Events()
        self._clock = clock
        self._acquire_timeout = settings.db_acquire_timeout
        self._acquired = metrics.db_acquire
        self._waiting = 0
        # Nobody else holds them, and a task that nobody holds may vanish.
        self._conclusions: set[asyncio.Task[None]] = set()
        self._pinged = -_PING_LIFETIME
        self._answers = False
        url = DatabaseURL("mysql+asyncmy://").replace(
            username=quote(settings.db_username, safe=""),
            password=quote(settings.db_password, safe=""),
            hostname=settings.db_host,
            port=settings.db_port,
            database=settings.db_name,
        )
        self._pool = Pool(
            url,
            min_size=settings.db_pool_size,
            max_size=settings.db_pool_size,
            pool_recycle=_RECYCLE,
            charset="utf8mb4",
            # UPDATE reports matched rows: "no such row" and "nothing to change" differ.
            client_flag=FOUND_ROWS,
            stmt_cache_size=_STATEMENTS,
            connect_timeout=max(1, int(settings.db_acquire_timeout)),
            init_command="SET time_zone = '+00:00', transaction_isolation = 'READ-COMMITTED'",
        )
        metrics.registry.register(_PoolMetrics(self))

    async def connect(self) -> None:
        """Open the pool. Raises what the driver raises."""
        await self._pool.connect()

    async def disconnect(self) -> None:
        """Close the pool; waits for connections that are in use, and for what follows commits."""
        if self._conclusions:
            await asyncio.wait(self._conclusions)
        await self._pool.disconnect()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for reads. Inside a transaction of the same task it reads that transaction."""
        async with self._connection() as (connection, waited):
            yield ReadSession(connection, self._clock, waited)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """A transaction: committed at the end of the block, rolled back when it raises. Not retried: see `write`.

        Who is cancelled meanwhile leaves, but a commit that has begun comes to its end, and so does what follows it.
        """
        async with AsyncExitStack() as held:
            connection, waited = await held.enter_async_context(self._connection())
            if connection.get_transaction_status():
                raise RuntimeError("a transaction inside a transaction: pass the WriteSession on instead")
            session = WriteSession(connection, self._clock, waited, self.events)
            try:
                with translated():
                    await connection.begin()
                yield session
            except BaseException:
                await _roll_back(connection)
                raise
            # The connection is the conclusion's from here on: this task gets another one.
            self._pool._connection = None
            await self._conclude(_commit(held.pop_all(), connection, session))

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[WriteSession]:
        """A session for one statement that writes: without the two round trips that begin and end a transaction."""
        async with self._connection() as (connection, waited):
            session = StatementSession(connection, self._clock, waited, self.events)
            yield session
        # Looks are counted like this, and nothing follows them: no task for nothing.
        if session.hooks:
            await self._conclude(_follow(session.hooks))

    async def write(
        self,
        work: Callable[[WriteSession], Awaitable[T]],
        *,
        retry_duplicates: bool = False,
        one_statement: bool = False,
    ) -> T:
        """Run `work` in a transaction, again after deadlocks (and, where asked, after a lost race for a unique key).

        `work` must do nothing outside the database but by `after_commit`. Work of one statement is told so where it is
        done all the time. Raises what the last try raised.
        """
        retried = (DeadlockError, DuplicateKeyError) if retry_duplicates else (DeadlockError,)
        begin = self.statement if one_statement else self.transaction
        for attempt in range(1, _ATTEMPTS):
            try:
                async with begin() as session:
                    return await work(session)
            except retried:
                # Apart from each other, or they meet again.
                await asyncio.sleep(random.uniform(0.002, 0.02) * attempt)  # noqa: S311
        async with begin() as session:
            return await work(session)

    async def answers(self) -> bool:
        """Whether the database answers within a second. Who asks within the same second gets the same answer."""
        if time.monotonic() - self._pinged > _PING_LIFETIME:
            # Before the ping: one prober at a time.
            self._pinged = time.monotonic()
            self._answers = await self._ping()
        return self._answers

    async def _conclude(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to its end, even if this task is cancelled."""
        task = asyncio.create_task(work)
        self._conclusions.add(task)
        task.add_done_callback(self._conclusions.discard)
        await asyncio.shield(task)

    async def _ping(self) -> bool:
        try:
            async with asyncio.timeout(_PING_TIMEOUT), self.read() as session:
                return bool(await session.fetch_value("SELECT 1") == 1)
        except Exception as error:
            log.debug("database does not answer: %r", error)
            return False

    def gauges(self) -> Iterator[tuple[str, str, int]]:
        """Name, text and value of the pool's gauges."""
        pool: Any = self._pool._backend._pool
        size, idle = (pool.size, pool.freesize) if pool else (0, 0)
        yield "size", "Connections of the pool", size
        yield "used", "Connections in use", size - idle
        yield "idle", "Connections at rest", idle
        yield "waiting", "Tasks that wait for a connection", self._waiting

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[Connection, float]]:
        """A connection and the seconds spent waiting for it. Raises ApiError 503 when none can be had in time."""
        connection = self._pool.connection()
        started = time.perf_counter()
        self._waiting += 1
        try:
            with translated():
                async with asyncio.timeout(self._acquire_timeout):
                    await connection.__aenter__()
        finally:
            self._waiting -= 1
        waited = time.perf_counter() - started
        self._acquired.observe(waited)
        try:
            yield connection.raw_connection, waited
        finally:
            await connection.__aexit__()


async def _commit(held: AsyncExitStack, connection: Connection, session: WriteSession) -> None:
    """Commit, let the connection go, and do what waits for that."""
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
        await _follow(session.hooks_in_doubt)
        raise
    await _follow(session.hooks)


async def _follow(hooks: Sequence[Hook]) -> None:
    """Do what waits for the commit."""
    for hook in hooks:
        try:
            await hook()
        except Exception:
            log.exception("what follows a commit failed")


async def _roll_back(connection: Connection) -> None:
    """Undo; a connection that cannot even do that is closed, so that the pool drops it."""
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
