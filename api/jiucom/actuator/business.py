"""Gauges of users, parts and posts, counted once a minute for all replicas, not at the scrape."""

from collections.abc import Iterator

import msgspec
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jiucom.cache import Cache, keys
from jiucom.db import Database
from jiucom.worker import Repeated

_TABLES = ("users", "parts", "posts")
_COUNT = ", ".join(f"(SELECT COUNT(*) FROM {table} WHERE is_deleted = FALSE)" for table in _TABLES)  # noqa: S608


class BusinessGauges(Repeated, Collector):
    """`jiucom_users`, `jiucom_parts`, `jiucom_posts`, deleted rows left out; absent until the first count."""

    interval = 60.0

    def __init__(self, db: Database, cache: Cache) -> None:
        self._db = db
        self._cache = cache
        self._counts: tuple[int, ...] = ()

    async def turn(self) -> None:
        """Take the counts from the cache; the first replica to find none counts."""
        found = await self._cache.fetch(keys.BUSINESS_COUNTS, (), self._count)
        self._counts = msgspec.json.decode(found.raw, type=tuple[int, ...])

    async def _count(self) -> tuple[int, ...]:
        async with self._db.read() as session:
            (counts,) = await session.fetch_rows(f"SELECT {_COUNT}")
        return tuple(counts)

    def collect(self) -> Iterator[Metric]:
        for table, count in zip(_TABLES, self._counts, strict=False):
            yield GaugeMetricFamily(f"jiucom_{table}", f"Rows of {table} that are not deleted", count)
