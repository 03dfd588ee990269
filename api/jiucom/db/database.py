"""The pool, and sessions from it.

`databases` owns the pool. Statements and transactions do not use it: its statements are three times slower than the driver's,
and its transactions leak a connection when they are cancelled.

A statement must not run on in MySQL after the request's deadline: each connection limits the time of a SELECT and of the wait
for a lock.
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
from databases.core import Connection as Held
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jiucom.clock import Clock
from jiucom.db.errors import DeadlockError, DuplicateKeyError, translated
from jiucom.db.events import Events
from jiucom.db.probe import Probe
from jiucom.db.queue import RESERVED, Queue, Turns
from jiucom.db.session import Hook, ReadSession, ResponseTimeout, StatementSession, WriteSession
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

# Below MySQL's wait_timeout, so that the server is never the first to close (s).
_RECYCLE = 1800
# Prepared statements per connection. With fewer, the statements of seventy endpoints evict each other.
_STATEMENTS = 256
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

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics, seconds: float | None = None) -> None:
        self.events = Events()
        self._clock = clock
        self._acquired = metrics.db_acquire
        seconds = seconds or settings.request_deadline
        self._size = settings.db_pool_size
        self._queue = Queue(self._size, settings.db_acquire_timeout)
        self._searches = Turns(settings.db_searches, settings.db_acquire_timeout)
        self._silence = seconds + _SILENCE
        # Connections in use: a session inside another one of the same task gets the same connection.
        self._held: set[Held] = set()
        # asyncio keeps only weak references to tasks.
        self._finishing: set[asyncio.Task[None]] = set()
        self._connect_timeout = settings.db_acquire_timeout
        connect_timeout = max(1, int(settings.db_acquire_timeout))
        self._probe = Probe(
            {
                "host": settings.db_host,
                "port": settings.db_port,
                "db": settings.db_name,
                "user": settings.db_username,
                "password": settings.db_password,
                "connect_timeout": connect_timeout,
            }
        )
        url = DatabaseURL("mysql+asyncmy://").replace(
            username=quote(settings.db_username, safe=""),
            password=quote(settings.db_password, safe=""),
            hostname=settings.db_host,
            port=settings.db_port,
            database=settings.db_name,
        )
        self._pool = Pool(
            url,
            min_size=self._size,
            max_size=self._size + RESERVED,
            pool_recycle=_RECYCLE,
            charset="utf8mb4",
            # UPDATE reports matched rows: "no such row" and "nothing to change" differ.
            client_flag=FOUND_ROWS,
            stmt_cache_size=_STATEMENTS,
            connect_timeout=connect_timeout,
            init_command=_session(seconds),
        )
        metrics.registry.register(_PoolMetrics(self))

    async def connect(self) -> None:
        """Open the pool. Raises what the driver raises."""
        await self._pool.connect()

    async def disconnect(self) -> None:
        """Close the pool; waits for connections in use and for hooks after commits."""
        if self._finishing:
            await asyncio.wait(self._finishing)
        await self._probe.close()
        await self._pool.disconnect()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for reads. Inside a transaction of the same task it reads that transaction."""
        async with self._connection() as (connection, waited):
            yield ReadSession(connection, self._clock, waited, self._silence)

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
        async with AsyncExitStack() as held:
            connection, waited = await held.enter_async_context(self._connection())
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
            self._pool._connection = None
            await self._finish(_commit(held.pop_all(), connection, session))

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[WriteSession]:
        """A session for a single writing statement, without the two round trips that begin and end a transaction."""
        async with self._connection() as (connection, waited):
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
        """Name, text and value of the pool's gauges. Reserved connections are not counted."""
        pool: Any = self._pool._backend._pool
        size, used = (self._size, pool.size - pool.freesize - self._queue.reserved_used) if pool else (0, 0)
        yield "size", "Connections of the pool", size
        yield "used", "Connections in use", used
        yield "idle", "Connections at rest", size - used
        yield "waiting", "Tasks that wait for a connection", self._queue.waiting
        yield "waiting_searches", "Searches that wait for their turn", self._searches.waiting

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[Connection, float]]:
        """A connection and the seconds spent waiting for it. Raises ApiError 503 when none can be had in time."""
        connection = self._pool.connection()
        if connection in self._held:
            yield connection.raw_connection, 0.0
            return
        started = time.perf_counter()
        place = await self._queue.enter()
        try:
            with translated():
                # The pool has a connection for each place; it may have to reconnect.
                async with asyncio.timeout(self._connect_timeout):
                    await connection.__aenter__()
            waited = time.perf_counter() - started
            self._acquired.observe(waited)
            self._held.add(connection)
            try:
                yield connection.raw_connection, waited
            finally:
                self._held.discard(connection)
                await connection.__aexit__()
        finally:
            place.release()


def _session(seconds: float) -> str:
    """The SET statement of each connection: time zone, isolation level, time limits of SELECT and locks."""
    lock = max(1, int(seconds / 2))
    return (
        "SET time_zone = '+00:00', transaction_isolation = 'READ-COMMITTED',"
        f" max_execution_time = {int(seconds * 1000)}, innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
    )


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
