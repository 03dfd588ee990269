"""Read-through with versions, and invalidation that survives a process that dies (trap 35).

A stored value starts with the version its scope had *before* the value was read from the database. It counts only while
that is still the version: whoever read too early stored something that nobody takes.
"""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from jiucom.cache.keys import VERSION_LIFETIME, Entry, version_key
from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.db import Database, WriteSession
from jiucom.deadline import DEFAULT, deadline, within
from jiucom.encoding import Json, encode
from jiucom.telemetry.metrics import Metrics
from jiucom.worker import Worker, end

log = logging.getLogger(__name__)

# What looking and storing may add to a request in all; afterwards the database answers alone (s).
_PATIENCE = 0.045
# What making values invalid may add to a write (s).
_PATIENCE_OF_WRITES = 0.4
_VERSION_BYTES = 16
# How long a lookup may be under way (s).
_LANDED = 0.5
_SWEEP_INTERVAL = 2.0
_SWEEP_BATCH = 500

_LEFTOVERS = (
    "SELECT id, scope FROM cache_outbox WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL 2 SECOND ORDER BY id LIMIT %s"
)


class Cache(Worker):
    """Finished JSON, shared by all replicas. Its failures are counted and never those of a request.

    A load that takes longer than `seconds` fails, for all who wait for it.
    """

    def __init__(self, redis: RedisClient, db: Database, metrics: Metrics, seconds: float = DEFAULT) -> None:
        self._redis = redis
        self._db = db
        self._seconds = seconds
        self._requests = metrics.cache_requests
        self._flights: dict[tuple[str, bytes | None], asyncio.Task[bytes]] = {}
        # The last flight for each key, and when it began.
        self._latest: dict[str, tuple[float, asyncio.Task[bytes]]] = {}

    async def fetch(self, entry: Entry, args: tuple[object, ...], load: Callable[[], Awaitable[Any]]) -> Json[Any]:
        """The value, or what `load` returns, encoded and stored. Misses at the same time load once per process.

        What `load` raises is raised and not stored. It runs in a task of its own: open sessions inside it.
        """
        key = entry.key(*args)
        asked = within(0)
        until = asked + _PATIENCE
        version, value = await self._look(entry, args, key, until)
        self._requests.labels(entry.name, "hit" if value else "miss" if version else "error").inc()
        if value is not None:
            return Json(value)
        # A flight that began under another version may bring what is outdated by now.
        flight = self._flights.get((key, version))
        if flight is None and key in self._latest:
            began, latest = self._latest[key]
            # It reads nothing older than we would. Of many at once some know the version, and some ask in vain.
            flight = latest if began >= asked else None
        if flight is None:
            left = until - within(0)
            flight = asyncio.create_task(self._load(key, version, entry.lifetime, load, left))
            self._flights[key, version] = flight
            self._latest[key] = within(0), flight
            flight.add_done_callback(lambda done: self._landed((key, version), done))
        return Json(await asyncio.shield(flight))

    async def invalidate(self, session: WriteSession, *scopes: str) -> None:
        """Make the scopes' entries invalid when (and only if) the transaction commits."""
        rows = ", ".join(["(%s)"] * len(scopes))
        first = await session.insert(f"INSERT INTO cache_outbox (scope) VALUES {rows}", scopes)  # noqa: S608
        # One statement of a known number of rows gets consecutive ids.
        ids = range(first, first + len(scopes))

        async def raise_versions() -> None:
            if await self._raise(scopes):
                await self._forget(ids)

        session.after_commit(raise_versions)

    async def sweep(self) -> int:
        """Raise the versions that a dead process, or an absent Redis, left behind; how many."""
        async with self._db.read() as session:
            rows = await session.fetch_rows(_LEFTOVERS, (_SWEEP_BATCH,))
        if not rows or not await self._raise(tuple({scope for _, scope in rows})):
            return 0
        await self._forget([row for row, _ in rows])
        return len(rows)

    async def stop(self) -> None:
        """End what `start` began, and lookups that nobody waits for any more."""
        await end(self._task, *self._flights.values())

    async def _look(
        self, entry: Entry, args: tuple[object, ...], key: str, until: float
    ) -> tuple[bytes | None, bytes | None]:
        """The scope's version (None: Redis is away) and the value, if it is of that version."""
        try:
            version, stored = await self._redis.execute("MGET", entry.version_key(*args), key, until=until)
            if version is None:
                fresh = secrets.token_hex(_VERSION_BYTES // 2).encode()
                _, version = await self._redis.pipeline(
                    [
                        ("SET", entry.version_key(*args), fresh, "NX", "EX", VERSION_LIFETIME),
                        ("GET", entry.version_key(*args)),
                    ],
                    until=until,
                )
                return version, None
        except RedisUnavailableError:
            return None, None
        if stored is None or not stored.startswith(version):
            return version, None
        return version, stored[_VERSION_BYTES:]

    async def _load(
        self, key: str, version: bytes | None, lifetime: int, load: Callable[[], Awaitable[Any]], patience: float
    ) -> bytes:
        # Nobody cancels a flight: who waits for it may have gone, and what hangs would be waited for again and again.
        async with deadline(within(self._seconds)):
            value = encode(await load())
        if version is not None:
            try:
                await self._redis.execute("SET", key, version + value, "EX", lifetime, until=within(patience))
            except RedisUnavailableError:
                log.debug("not stored: %s", key)
        return value

    def _landed(self, flight: tuple[str, bytes | None], task: asyncio.Task[bytes]) -> None:
        # Asked even without waiters: asyncio would complain.
        failed = task.cancelled() or task.exception() is not None
        _, version = flight
        if failed or version is None:
            self._flights.pop(flight, None)
        # Lookups that passed the store on its way find it here. It is of their version, so it is right.
        asyncio.get_running_loop().call_later(0 if failed else _LANDED, self._clear, flight, task)

    def _clear(self, flight: tuple[str, bytes | None], task: asyncio.Task[bytes]) -> None:
        if self._flights.get(flight) is task:
            del self._flights[flight]
        key, _ = flight
        if key in self._latest and self._latest[key][1] is task:
            del self._latest[key]

    async def _raise(self, scopes: tuple[str, ...]) -> bool:
        fresh = secrets.token_hex(_VERSION_BYTES // 2)
        commands = [("SET", version_key(scope), fresh, "EX", VERSION_LIFETIME) for scope in scopes]
        try:
            # Where reads ask: as long as they get answers, they hear of writes.
            await self._redis.pipeline(commands, until=within(_PATIENCE_OF_WRITES))
        except RedisUnavailableError:
            return False
        return True

    async def _forget(self, ids: Sequence[int]) -> None:
        async with self._db.transaction() as session:
            await session.execute(f"DELETE FROM cache_outbox WHERE id IN ({', '.join(['%s'] * len(ids))})", ids)  # noqa: S608

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_INTERVAL)
            try:
                while await self.sweep() == _SWEEP_BATCH:
                    pass
            except Exception as error:
                log.warning("left-over cache versions wait: %s", error)
