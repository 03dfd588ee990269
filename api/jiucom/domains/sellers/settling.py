"""Settles the parts that a shop offers, after it was opened or closed.

A backlog task names the shop. Its offers in stock are worked off in batches, in the order of their ids.
An offer that is changed meanwhile settles its part itself, by the shop's new status.
"""

from collections.abc import Sequence
from typing import Any

from jiucom.cache import Cache
from jiucom.db import WriteSession
from jiucom.domains.prices import change_queries, changes
from jiucom.domains.sellers import queries
from jiucom.jobs import backlog
from jiucom.jobs.backlog import Step, Task

KIND = "shop-settled"

_BATCH = 200


def step(cache: Cache) -> Step:
    """The backlog step for such tasks."""

    async def settle(tx: WriteSession, task: Task) -> Sequence[Any] | None:
        if task.position is None:
            await backlog.replace_earlier(tx, task)
        (last,) = task.position or (0,)
        offers = await queries.in_stock(tx, task.subject_id, last, _BATCH)
        # Deleted parts are not locked, and not settled.
        living = await change_queries.lock(tx, sorted(part_id for _, part_id in offers))
        await changes.settle(tx, cache, living, by_offers=True)
        return (offers[-1][0],) if len(offers) == _BATCH else None

    return settle
