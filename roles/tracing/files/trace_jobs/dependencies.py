"""The links that Zipkin's page of dependencies shows. It reads them from an index a day, and does not write them.

They are counted an hour at a time, so that a busy day is not read again and again: a document holds the calls between two
services within one hour, and Zipkin adds them up. A trace that goes on over the full hour counts in both in part.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

from trace_jobs import links
from trace_jobs.settings import Settings
from trace_jobs.store import Store

# Spans of one answer: what an index gives at most, unless it is told otherwise.
PAGE = 10_000
FIELDS = ["traceId", "id", "parentId", "kind", "shared", "localEndpoint", "remoteEndpoint", "tags.error"]
# Hours that are counted anew, because their spans may still have been on their way.
AGAIN = 2


def _traces(store: Store, settings: Settings, hour: datetime) -> Iterator[list[dict[str, Any]]]:
    """Read the traces of an hour, one after the other."""
    begin = int(hour.timestamp() * 1000)
    query: dict[str, Any] = {
        "size": PAGE,
        "_source": FIELDS,
        "query": {"range": {"timestamp_millis": {"gte": begin, "lt": begin + 3_600_000}}},
        "sort": [{"traceId": "asc"}],
    }
    path = f"/{settings.index}*span-{hour:%Y-%m-%d}/_search?ignore_unavailable=true&allow_no_indices=true"
    while True:
        spans = [hit["_source"] for hit in store.ask(path, "POST", query)["hits"]["hits"]]
        traces = [list(group) for _, group in groupby(spans, lambda span: str(span["traceId"]))]
        last = len(spans) < PAGE
        # The last trace of a full page may go on in the next one, where it is read again; one that fills a page is cut.
        whole = traces if last or len(traces) == 1 else traces[:-1]
        yield from whole
        if last:
            return
        query["search_after"] = [whole[-1][0]["traceId"]]


def count_hour(store: Store, settings: Settings, hour: datetime) -> None:
    """Count the calls of an hour and write them; written again, they replace what was there. Raises StoreError."""
    calls: Counter[tuple[str, str]] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for trace in _traces(store, settings, hour):
        some, failed = links.count(trace)
        calls += some
        errors += failed
    documents = {
        f"{parent}|{child}|{hour:%H}": {
            "id": f"{parent}|{child}|{hour:%H}",
            "parent": parent,
            "child": child,
            "callCount": number,
            "errorCount": errors[parent, child],
        }
        for (parent, child), number in calls.items()
    }
    if documents:
        store.write(f"{settings.index}-dependency-{hour:%Y-%m-%d}", documents)


def hours(done: datetime | None, now: datetime) -> list[datetime]:
    """List the hours to be counted: those since the last one that was, and after a start those of yesterday and today."""
    current = now.replace(minute=0, second=0, microsecond=0)
    midnight = current.replace(hour=0) - timedelta(days=1)
    first = max(midnight, done - timedelta(hours=AGAIN - 1)) if done else midnight
    return [first + timedelta(hours=n) for n in range(int((current - first) / timedelta(hours=1)) + 1)]


class Dependencies:
    """Counts what is not counted yet, with each run."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._done: datetime | None = None

    def run(self) -> None:
        """Count the hours since the last run. Raises StoreError, and begins there the next time."""
        for hour in hours(self._done, datetime.now(UTC)):
            count_hour(self._store, self._settings, hour)
            self._done = hour
