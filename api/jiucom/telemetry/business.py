"""How much there is: users, parts, posts. Counted once a minute, never by the scrape itself."""

import asyncio
import logging
from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from jiucom.db import Database
from jiucom.worker import Worker

log = logging.getLogger(__name__)

_INTERVAL = 60.0
_RETRY = 5.0

_TABLES = ("users", "parts", "posts")
_COUNT = ", ".join(f"(SELECT COUNT(*) FROM {table} WHERE is_deleted = FALSE)" for table in _TABLES)  # noqa: S608


class BusinessGauges(Worker, Collector):
    """`jiucom_users`, `jiucom_parts`, `jiucom_posts`; absent until they have been counted."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._counts: tuple[int, ...] = ()

    async def _run(self) -> None:
        while True:
            try:
                async with self._db.read() as session:
                    self._counts = tuple((await session.fetch_rows(f"SELECT {_COUNT}"))[0])
            except Exception as error:
                log.debug("not counted: %s", error)
            await asyncio.sleep(_INTERVAL if self._counts else _RETRY)

    def collect(self) -> Iterator[Metric]:
        for table, count in zip(_TABLES, self._counts, strict=False):
            yield GaugeMetricFamily(f"jiucom_{table}", f"Rows of {table} that are not deleted", count)
