"""A read replica of MySQL, as one process sees it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from asyncmy.connection import Connection

from jiucom.clock import Clock
from jiucom.db.line import Line, options
from jiucom.db.pool import Pool
from jiucom.db.session import Args, ReadSession, Result
from jiucom.settings import Settings

log = logging.getLogger(__name__)

# A connection is to be had within this time, and a statement to be answered within the second; then the primary is asked (s).
_CONNECT = 0.25
_ANSWER = 1.0
_LOOK = 0.5
# How long a reader waits for its own writes to arrive (s).
_ARRIVAL = 0.1

_LAG = "SELECT TIMESTAMPDIFF(MICROSECOND, beat_at, UTC_TIMESTAMP(6)) FROM heartbeat WHERE id = 1"
_ARRIVED = f"SELECT WAIT_FOR_EXECUTED_GTID_SET(%s, {_ARRIVAL})"

Primary = Callable[[], Awaitable[tuple[Connection, float]]]


class Replica:
    """Its connections, and how far it is behind. It is in use while its lag is known and at most `max_lag` (s)."""

    def __init__(self, settings: Settings, name: str, port: int, clock: Clock) -> None:
        self.name = name
        # Seconds between the last heartbeat that has arrived and now; None when it does not answer.
        self.lag: float | None = None
        self._max_lag = settings.db_replica_max_lag
        self._clock = clock
        self._line = Line(options(settings, name, port))
        self._pool = Pool(settings, name, port, seconds=settings.request_deadline, patience=_CONNECT, minimum=0)

    @property
    def in_use(self) -> bool:
        """Whether reads may come from it."""
        return self.lag is not None and self.lag <= self._max_lag

    async def connect(self) -> None:
        """Make the pool; connections are made when they are needed."""
        await self._pool.connect()

    async def disconnect(self) -> None:
        """Close every connection; a replica that hangs is not waited for."""
        self._line.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(_ANSWER):
                await self._pool.disconnect()

    async def look(self) -> None:
        """Ask for the lag."""
        before = self.in_use
        try:
            async with asyncio.timeout(_LOOK):
                lag = await self._line.ask(_LAG)
            self.lag = None if lag is None else max(0.0, lag / 1e6)
        except Exception as error:
            log.debug("%s does not answer: %r", self.name, error)
            self._line.close()
            self.lag = None
        if before != self.in_use:
            log.warning("reads %s %s, whose lag is %s s", "come from" if self.in_use else "leave", self.name, self.lag)

    @asynccontextmanager
    async def session(self, position: str | None, primary: Primary) -> AsyncIterator[ReadSession | None]:
        """A session for reads; None when the replica has no connection or has not reached `position` (a set of GTIDs)."""
        async with AsyncExitStack() as held:
            try:
                connection, waited = await held.enter_async_context(self._pool.connection())
                session = _Session(connection, self._clock, waited, primary)
                arrived = position is None or await session.fetch_value(_ARRIVED, (position,)) == 0
            except Exception as error:
                # Whether the replica is in use is decided by the next look, not by one request.
                log.debug("no session on %s: %r", self.name, error)
                arrived = False
            yield session if arrived else None


class _Session(ReadSession):
    """Asks the primary, from the first statement on that the replica does not answer well and in time."""

    def __init__(self, connection: Connection, clock: Clock, waited: float, primary: Primary) -> None:
        super().__init__(connection, clock, waited, _ANSWER)
        self._primary: Primary | None = primary

    async def _run(self, sql: str, args: Args) -> Result:
        if self._primary is None:
            return await super()._run(sql, args)
        try:
            return await super()._run(sql, args)
        except Exception as error:
            log.info("the primary is asked for what the replica did not answer: %r", error)
        primary, self._primary = self._primary, None
        self._connection, self._waited = await primary()
        return await super()._run(sql, args)
