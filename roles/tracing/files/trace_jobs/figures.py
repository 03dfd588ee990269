"""What Prometheus reads: how the store is, how full, and how the jobs ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time
from typing import Any

from trace_jobs.retention import day_of
from trace_jobs.settings import Settings
from trace_jobs.store import Store

PREFIX = "jiucom_traces_"
STATUS = {"green": 0, "yellow": 1, "red": 2}
BLOCK = "index.blocks.read_only_allow_delete"


def figures(store: Store, settings: Settings) -> dict[str, float]:
    """Ask the store for its figures, by their names without the prefix. Raises StoreError.

    `store_status` is 0 for green, 1 for yellow, 2 for red; the disk is that of the node with the least space.
    """
    indices = store.indices()
    health = store.ask("/_cluster/health")
    nodes = store.ask("/_nodes/stats/fs")["nodes"].values()
    disk = min((node["fs"]["total"] for node in nodes), key=lambda total: float(total["available_in_bytes"]))
    flat = "flat_settings=true&allow_no_indices=true"
    blocks: dict[str, Any] = store.ask(f"/{settings.index}*/_settings/{BLOCK}?{flat}")
    days = [day for one in indices if (day := day_of(one["name"], settings.index))]
    oldest = datetime.combine(min(days, default=datetime.now(UTC).date()), time(), UTC)
    return {
        "store_status": STATUS[health["status"]],
        "disk_available_bytes": disk["available_in_bytes"],
        "disk_total_bytes": disk["total_in_bytes"],
        "read_only_indices": sum(one["settings"].get(BLOCK) == "true" for one in blocks.values()),
        "indices": len(days),
        "bytes": sum(one["bytes"] for one in indices),
        "spans": sum(one["documents"] for one in indices if "span" in one["name"]),
        "oldest_timestamp_seconds": oldest.timestamp(),
    }


def text(values: Mapping[str, float]) -> str:
    """Write figures as Prometheus reads them."""
    return "".join(f"{PREFIX}{name} {value}\n" for name, value in values.items())
