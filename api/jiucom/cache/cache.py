"""Read-through cache with versions, and invalidation that survives the death of a process.

A stored value starts with the version that its scope had *before* the value was read from the database. It is used only while
the scope still has that version, so a value that was read before a change and stored after it is never used. A scope gets its
version with its first stored value or its first change.
"""

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec import Struct

from jiucom.cache.flights import Flights
from jiucom.cache.keys import VERSION_LIFETIME, Entry, version_key
from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.db import Database, WriteSession
from jiucom.db.reading import primary_only
from jiucom.deadline import DEFAULT, deadline, loop_time, within
from jiucom.encoding import Json, encode, json_text
from jiucom.telemetry.metrics import Metrics
from jiucom.worker import Worker

log = logging.getLogger(__name__)

# Time of a request for looking up and storing in all; after it the request does without the cache (s).
_PATIENCE = 0.045
# Time of a write for invalidation (s).
_PATIENCE_OF_WRITES = 0.4
# Commands per round trip.
_PIPELINE = 500
_VERSION_BYTES = 16
# Stands for the version of a scope without one.
_NONE_YET = b""
# Rows of the outbox are deleted in batches, so that no write waits for a deletion (s).
_DELETE_INTERVAL = 0.5
# Rows older than this were left behind by a dead process or an absent Redis (s).
_LEFT_AFTER = 2
_SWEEP_BATCH = 500
# Further rows are left to the sweep.
_MOST_DONE = 10_000

_LEFTOVERS = """
SELECT id, scope FROM cache_outbox WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL %s SECOND ORDER BY id LIMIT %s
"""

_DELETE = """
DELETE cache_outbox FROM JSON_TABLE(%s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS done
STRAIGHT_JOIN cache_outbox ON cache_outbox.id = done.id
"""


class Unstored(Struct, frozen=True):
    """Returned by `load` for a value that must not be stored, such as the empty list of a post that does not exist."""

    value: Any


class Cache(Worker):
    """Encoded JSON, shared by all replicas. Failures of Redis are counted and never fail a request.

    A load that takes longer than `seconds` fails for all its callers.
    """

    def __init__(self, redis: RedisClient, db: Database, metrics: Metrics, seconds: float = DEFAULT) -> None:
        self._redis = redis
        self._db = db
        self._seconds = seconds
        self._requests = metrics.cache_requests
        self._flights = Flights()
        # Rows of the outbox that are done: their scopes have new versions.
        self._done: list[int] = []

    async def fetch(self, entry: Entry, args: tuple[object, ...], load: Callable[[], Awaitable[Any]]) -> Json[Any]:
        """The cached value, or the result of `load`, encoded and stored. Concurrent misses load once per process.

        Exceptions of `load` and results wrapped in `Unstored` are not stored. `load` runs in a task of its own: open
        sessions inside it.
        """
        key, scope = entry.key(*args), entry.scope_of(*args)
        asked = loop_time()
        until = asked + _PATIENCE
        version, value = await self._lookup(version_key(scope), key, until)
        self._requests.labels(entry.name, "hit" if value else "error" if version is None else "miss").inc()
        if value is not None:
            return Json(value)
        left = until - loop_time()

        async def load_once() -> bytes:
            return await self._load(version_key(scope), key, version, entry.lifetime, load, left)

        return Json(await self._flights.join(scope, key, version, asked, load_once))

    async def invalidate(self, session: WriteSession, *scopes: str) -> None:
        """Invalidate the scopes if the transaction commits. Their names may have 65,535 characters together."""
        row = await session.insert("INSERT INTO cache_outbox (scope) VALUES (%s)", (" ".join(scopes),))

        async def invalidate_scopes() -> None:
            if await self.invalidate_now(scopes) and len(self._done) < _MOST_DONE:
                self._done.append(row)

        session.after_commit(invalidate_scopes)

    async def invalidate_now(self, scopes: Sequence[str]) -> bool:
        """Invalidate the scopes now; False when Redis is away."""
        for scope in scopes:
            self._flights.leave(scope)
        fresh = _version()
        commands = [("SET", version_key(scope), fresh, "EX", VERSION_LIFETIME) for scope in scopes]
        try:
            for start in range(0, len(commands), _PIPELINE):
                # Over the connections of the reads: while reads get answers, they see new versions.
                await self._redis.pipeline(commands[start : start + _PIPELINE], until=within(_PATIENCE_OF_WRITES))
        except RedisUnavailableError:
            return False
        return True

    async def sweep(self) -> int:
        """Invalidate what a dead process or an absent Redis left behind; the number of rows."""
        async with self._db.read() as session:
            rows = await session.fetch_rows(_LEFTOVERS, (_LEFT_AFTER, _SWEEP_BATCH))
        if not rows or not await self.invalidate_now(list({scope for _, scopes in rows for scope in scopes.split()})):
            return 0
        await self._delete([row for row, _ in rows])
        return len(rows)

    async def tidy(self) -> None:
        """Delete rows of the outbox that are done."""
        if self._done:
            done, self._done = self._done, []
            # If this fails, the sweep finds the rows.
            await self._delete(done)

    async def stop(self) -> None:
        """Stop, and cancel running loads."""
        await super().stop()
        await self._flights.stop()
        try:
            async with deadline(within(1)):
                await self.tidy()
        except Exception as error:
            log.info("rows of the cache's outbox are left to other replicas: %s", error)

    async def _lookup(self, version_at: str, key: str, until: float) -> tuple[bytes | None, bytes | None]:
        """The scope's version (None: Redis is away), and the stored value if it has that version."""
        try:
            version, stored = await self._redis.execute("MGET", version_at, key, until=until)
        except RedisUnavailableError:
            return None, None
        if version is None:
            return _NONE_YET, None
        if stored is None or not stored.startswith(version):
            return version, None
        return version, stored[_VERSION_BYTES:]

    async def _load(
        self,
        version_at: str,
        key: str,
        version: bytes | None,
        lifetime: int,
        load: Callable[[], Awaitable[Any]],
        patience: float,
    ) -> bytes:
        # A load is not cancelled with the request that began it, so it needs a deadline of its own.
        # Other users read the stored value, so it is loaded from the primary: a replica may be behind.
        with primary_only():
            async with deadline(within(self._seconds)):
                loaded = await load()
        if isinstance(loaded, Unstored):
            return encode(loaded.value)
        value = encode(loaded)
        if version is not None:
            try:
                await self._store(version_at, key, version, value, lifetime, within(patience))
            except RedisUnavailableError:
                log.debug("not stored: %s", key)
        return value

    async def _store(
        self, version_at: str, key: str, version: bytes, value: bytes, lifetime: int, until: float
    ) -> None:
        if version == _NONE_YET:
            # NX fails when the scope has got a version meanwhile, perhaps by a change after this value was read. Then the value
            # has another version than the scope and is never used.
            version = _version()
            keep_version: tuple[Any, ...] = ("SET", version_at, version, "NX", "EX", VERSION_LIFETIME)
        else:
            keep_version = ("EXPIRE", version_at, VERSION_LIFETIME)
        await self._redis.pipeline([keep_version, ("SET", key, version + value, "EX", lifetime)], until=until)

    async def _delete(self, rows: Sequence[int]) -> None:
        async with self._db.statement() as session:
            await session.execute(_DELETE, (json_text(rows),))

    async def _run(self) -> None:
        for turn in itertools.count():
            await asyncio.sleep(_DELETE_INTERVAL)
            try:
                async with deadline(within(self._seconds)):
                    await self.tidy()
                    if turn * _DELETE_INTERVAL % _LEFT_AFTER == 0:
                        while await self.sweep() == _SWEEP_BATCH:
                            pass
            except Exception as error:
                log.warning("the sweep of the cache's outbox will be repeated: %s", error)


def _version() -> bytes:
    return secrets.token_hex(_VERSION_BYTES // 2).encode()
