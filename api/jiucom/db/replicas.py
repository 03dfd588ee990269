"""The read replicas: which one a read comes from, and how old what it shows may be.

A read comes from a replica only where its operation says so (`@endpoint(replica=True)`), outside of transactions, before the
request has written, and when the replica has what the user wrote last. Everything else comes from the primary.
"""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Protocol

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jiucom.clock import Clock
from jiucom.db.line import Line, options
from jiucom.db.reading import Reader
from jiucom.db.replica import Primary, Replica
from jiucom.db.session import ReadSession
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics
from jiucom.worker import Repeated, end

log = logging.getLogger(__name__)

# Stands for a position that could not be asked for: the primary has it.
UNKNOWN = ""
# A position is kept so much longer than the lag of a replica in use (s).
KEPT_BEYOND_LAG = 10
# Longer than any beat of a primary that works (s).
_BEAT = 5.0

# Every process beats; one of them a second writes.
_HEARTBEAT = """
UPDATE heartbeat SET beat_at = UTC_TIMESTAMP(6) WHERE id = 1 AND beat_at < UTC_TIMESTAMP(6) - INTERVAL 900000 MICROSECOND
"""


class Positions(Protocol):
    """The position (a set of GTIDs) of each user's last write, shared by all processes."""

    async def put(self, user_id: int, position: str, seconds: int) -> None:
        """Keep the position that contains the user's last write. Never raises."""

    async def get(self, user_id: int) -> str | None:
        """The user's position; None when there is none. Raises when it is not known."""


class Replicas(Repeated):
    """All replicas of the settings. Twice a second each is looked at, and the primary's heartbeat goes on."""

    interval = 0.5
    retry = 0.5
    seconds = 2 * _BEAT

    def __init__(self, settings: Settings, clock: Clock, metrics: Metrics, positions: Positions) -> None:
        self.all = [Replica(settings, name, port, clock) for name, port in settings.replicas]
        self.reads = metrics.db_reads
        self._positions = positions
        self._kept = int(settings.db_replica_max_lag) + KEPT_BEYOND_LAG
        self._beat_line = Line(options(settings, settings.db_host, settings.db_port))
        self._beating: asyncio.Task[None] | None = None
        self._turns = itertools.count()
        if self.all:
            metrics.registry.register(_ReplicaMetrics(self))

    def __bool__(self) -> bool:
        return bool(self.all)

    def start(self) -> None:
        """Begin, where there are replicas."""
        if self.all:
            super().start()

    async def connect(self) -> None:
        """Make the pools."""
        for replica in self.all:
            await replica.connect()

    async def disconnect(self) -> None:
        """Close every connection."""
        await end(self._beating)
        self._beat_line.close()
        for replica in self.all:
            await replica.disconnect()

    @asynccontextmanager
    async def session(self, reader: Reader, primary: Primary) -> AsyncIterator[ReadSession | None]:
        """A session on a replica; None when the primary has to be asked."""
        useful = [replica for replica in self.all if replica.in_use]
        if not useful:
            yield None
            return
        try:
            position = None if reader.user_id is None else await self._positions.get(reader.user_id)
        except Exception as error:
            log.debug("a user's position is not known: %r", error)
            position = UNKNOWN
        if position == UNKNOWN:
            yield None
            return
        async with useful[next(self._turns) % len(useful)].session(position, primary) as session:
            if session is not None:
                self.reads.labels("replica").inc()
            yield session

    async def keep(self, user_id: int, position: str) -> None:
        """Reads of this user come from replicas that have reached the position, by whichever process."""
        await self._positions.put(user_id, position, self._kept)

    async def turn(self) -> None:
        """Look at every replica, and let the heart beat; a primary that hangs must not keep from looking."""
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat())
        await asyncio.gather(*(replica.look() for replica in self.all))

    async def _beat(self) -> None:
        try:
            async with asyncio.timeout(_BEAT):
                await self._beat_line.ask(_HEARTBEAT)
        except Exception as error:
            log.debug("no heartbeat: %r", error)
            self._beat_line.close()


class _ReplicaMetrics(Collector):
    def __init__(self, replicas: Replicas) -> None:
        self._replicas = replicas

    def collect(self) -> Iterator[Metric]:
        used = GaugeMetricFamily("jiucom_db_replica_in_use", "Whether reads come from the replica", labels=["replica"])
        lag = GaugeMetricFamily("jiucom_db_replica_lag_seconds", "Age of the last heartbeat there", labels=["replica"])
        for replica in self._replicas.all:
            used.add_metric([replica.name], float(replica.in_use))
            if replica.lag is not None:
                lag.add_metric([replica.name], replica.lag)
        yield used
        yield lag
