"""Zipkin makes an index a day and removes none. Here the days that are over end."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from trace_jobs.settings import Settings
from trace_jobs.store import Store


def day_of(name: str, prefix: str) -> date | None:
    """Return the day (UTC) of an index of spans or links; None for one that Zipkin did not name."""
    # Elasticsearch before 7 has a colon after the prefix.
    match = re.fullmatch(rf"{re.escape(prefix)}[-:](?:span|dependency)-(\d{{4}}-\d\d-\d\d)", name)
    try:
        return date.fromisoformat(match[1]) if match else None
    except ValueError:
        return None


def ended(names: Iterable[str], prefix: str, days: int, today: date) -> list[str]:
    """List the indices of days before the last `days`, today included; none for 0 days."""
    first = today - timedelta(days=days - 1)
    return sorted(name for name in names if days and (day := day_of(name, prefix)) and day < first)


def remove(store: Store, settings: Settings) -> None:
    """Remove the indices of the days that are over, one by one. Raises StoreError."""
    names = (one["name"] for one in store.indices())
    for name in ended(names, settings.index, settings.days, datetime.now(UTC).date()):
        store.ask(f"/{name}", "DELETE")
        print(f"removed {name}", flush=True)
