"""The pool, and sessions from it.

`databases` owns the pool. Everything else goes past it: its own statements are three times slower than the driver's,
and its transaction loses a connection for good when it is cancelled.

What a request began must not go on in MySQL after the request's deadline, nor hold up others there: each connection says
how long a SELECT and the wait for a lock may take.
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
from jiucom.db.line import RESERVED, Line
from jiucom.db.probe import Probe
from jiucom.db.session import Answer, Hook, ReadSession, StatementSession, WriteSession
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
# A server that is silent for so much longer than its own limits is gone (s).
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
        self._line = Line(self._size, settings.db_acquire_timeout)
        self._silence = seconds + _SILENCE
        # Those that have a place in line already: a session inside another of the same task has the same connection.
        self._held: set[Held] = set()
        # Nobody else holds them, and a task that nobody holds may vanish.
        self._conclusions: set[asyncio.Task[None]] = set()
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
        """Close the pool; waits for connections that are in use, and for what follows commits."""
        if self._conclusions:
            await asyncio.wait(self._conclusions)
        await self._probe.close()
        await self._pool.disconnect()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[ReadSession]:
        """A session for reads. Inside a transaction of the same task it reads that transaction."""
        async with self._connection() as (connection, waited):
            yield ReadSession(connection, self._clock, waited, self._silence)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[WriteSession]:
        """A transaction: committed at the end of the block, rolled back when it raises. Not retried: see `write`.

        Who is cancelled meanwhile leaves, but a commit that has begun comes to its end, and so does what follows it.
        """
        async with AsyncExitStack() as held:
            connection, waited = await held.enter_async_context(self._connection())
            if connection.get_transaction_status():
                raise RuntimeError("a transaction inside a transaction: pass the WriteSession on instead")
            session = WriteSession(connection, self._clock, waited, self._silence, self.events)
            try:
                with translated(), Answer(connection, self._silence):
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
            session = StatementSession(connection, self._clock, waited, self._silence, self.events)
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
        """Whether the database answers within a second, however busy the pool is. An answer is a second old at most."""
        return await self._probe.answers()

    async def _conclude(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it to its end, even if this task is cancelled."""
        task = asyncio.create_task(work)
        self._conclusions.add(task)
        task.add_done_callback(self._conclusions.discard)
        await asyncio.shield(task)

    def gauges(self) -> Iterator[tuple[str, str, int]]:
        """Name, text and value of the pool's gauges. Connections that are reserved are not part of them."""
        pool: Any = self._pool._backend._pool
        size, used = (self._size, pool.size - pool.freesize - self._line.reserved_used) if pool else (0, 0)
        yield "size", "Connections of the pool", size
        yield "used", "Connections in use", used
        yield "idle", "Connections at rest", size - used
        yield "waiting", "Tasks that wait for a connection", self._line.waiting

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[Connection, float]]:
        """A connection and the seconds spent waiting for it. Raises ApiError 503 when none can be had in time."""
        connection = self._pool.connection()
        if connection in self._held:
            yield connection.raw_connection, 0.0
            return
        started = time.perf_counter()
        place = await self._line.enter()
        try:
            with translated():
                # There is one for each place, but it may have to be made anew.
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
    """What each connection sets: the zone of stored times, the isolation, and how long SELECT and locks may take."""
    lock = max(1, int(seconds / 2))
    return (
        "SET time_zone = '+00:00', transaction_isolation = 'READ-COMMITTED',"
        f" max_execution_time = {int(seconds * 1000)}, innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
    )


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
