"""A pool of connections to one server.

`databases` owns the pool. Statements and transactions do not use it: its statements are three times slower than the driver's,
and its transactions leak a connection when they are cancelled.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from asyncmy.connection import Connection
from asyncmy.constants.CLIENT import FOUND_ROWS
from databases import Database as Databases
from databases import DatabaseURL
from databases.core import Connection as Held
from prometheus_client import Summary

from jiucom.db.errors import translated
from jiucom.db.queue import RESERVED, Queue
from jiucom.settings import Settings

# Below MySQL's wait_timeout, so that the server is never the first to close (s).
_RECYCLE = 1800
# Prepared statements per connection. With fewer, the statements of seventy endpoints evict each other.
_STATEMENTS = 256


class Pool:
    """Up to DB_POOL_SIZE connections to `host`, of which `minimum` are there from the start.

    A SELECT takes at most `seconds`, and the wait for a lock half of that. The wait for a connection ends after `patience` (s);
    `acquired` observes it.
    """

    def __init__(
        self,
        settings: Settings,
        host: str,
        port: int,
        *,
        seconds: float,
        patience: float,
        minimum: int,
        acquired: Summary | None = None,
    ) -> None:
        self._acquired = acquired
        self._size = settings.db_pool_size
        self._patience = patience
        self._queue = Queue(self._size, patience)
        # Connections in use: a session inside another one of the same task gets the same connection.
        self._held: set[Held] = set()
        url = DatabaseURL("mysql+asyncmy://").replace(
            username=quote(settings.db_username, safe=""),
            password=quote(settings.db_password, safe=""),
            hostname=host,
            port=port,
            database=settings.db_name,
        )
        self._pool = Databases(
            url,
            min_size=minimum,
            max_size=self._size + RESERVED,
            pool_recycle=_RECYCLE,
            charset="utf8mb4",
            # UPDATE reports matched rows: "no such row" and "nothing to change" differ.
            client_flag=FOUND_ROWS,
            stmt_cache_size=_STATEMENTS,
            connect_timeout=max(1, int(patience)),
            init_command=_session(seconds),
        )

    async def connect(self) -> None:
        """Open the pool. Raises what the driver raises."""
        await self._pool.connect()

    async def disconnect(self) -> None:
        """Close the pool; waits for connections in use."""
        await self._pool.disconnect()

    @property
    def held(self) -> bool:
        """Whether this task has a connection."""
        return self._pool.connection() in self._held

    def let_go(self) -> None:
        """Leave the connection of this task to another task; this one gets a new one."""
        self._pool._connection = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[Connection, float]]:
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
                async with asyncio.timeout(self._patience):
                    await connection.__aenter__()
            waited = time.perf_counter() - started
            if self._acquired:
                self._acquired.observe(waited)
            self._held.add(connection)
            try:
                yield connection.raw_connection, waited
            finally:
                self._held.discard(connection)
                await connection.__aexit__()
        finally:
            place.release()

    def gauges(self) -> Iterator[tuple[str, str, int]]:
        """Name, text and value of the pool's gauges. Reserved connections are not counted."""
        pool: Any = self._pool._backend._pool
        size, used = (self._size, pool.size - pool.freesize - self._queue.reserved_used) if pool else (0, 0)
        yield "size", "Connections of the pool", size
        yield "used", "Connections in use", used
        yield "idle", "Connections at rest", size - used
        yield "waiting", "Tasks that wait for a connection", self._queue.waiting


def _session(seconds: float) -> str:
    """The SET statement of each connection: time zone, isolation level, time limits of SELECT and locks."""
    lock = max(1, int(seconds / 2))
    return (
        "SET time_zone = '+00:00', transaction_isolation = 'READ-COMMITTED',"
        f" max_execution_time = {int(seconds * 1000)}, innodb_lock_wait_timeout = {lock}, lock_wait_timeout = {lock}"
    )
