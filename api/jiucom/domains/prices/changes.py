"""The one place where prices change: whoever changes one (seller, administrator, upload) ends in `settle`.

Callers hold a transaction, and all of it happens in there. Parts are locked first, in the order of their ids: two
changes of one part follow each other, and the later one sees what the earlier one did.
"""

from collections.abc import Collection, Iterator, Sequence
from datetime import date
from typing import TypeVar

from jiucom.cache import Cache, keys
from jiucom.clock import Clock
from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.prices import alerts, change_queries
from jiucom.domains.prices.change_queries import Offer, Standing
from jiucom.errors import ApiError, ErrorCode
from jiucom.jobs import backlog
from jiucom.rules import popularity

T = TypeVar("T")

_TAKEN = "이미 등록한 상품입니다."
# Rows per statement, and cache versions per round trip to Redis.
_BATCH = 500


async def lock(tx: WriteSession, part_ids: Collection[int]) -> None:
    """Lock parts, so that nobody else changes them until the end. Raises P001 when one does not exist."""
    wanted = sorted(set(part_ids))
    for batch in _batches(wanted):
        if len(await change_queries.lock(tx, batch)) != len(batch):
            raise ApiError(ErrorCode.PART_NOT_FOUND)


async def add(tx: WriteSession, cache: Cache, clock: Clock, offer: Offer) -> None:
    """A seller offers a part that it did not offer before. Raises P001, and 409 when it did."""
    await lock(tx, [offer.part_id])
    try:
        await change_queries.insert(tx, [offer])
    except DuplicateKeyError:
        raise ApiError(ErrorCode.CONFLICT, _TAKEN) from None
    await change_queries.remember(tx, [offer], _today(clock))
    await settle(tx, cache, [offer.part_id], by_offers=True)


async def put(tx: WriteSession, cache: Cache, clock: Clock, offers: Sequence[Offer]) -> None:
    """Sellers offer parts at these prices from now on. At most one offer per part and seller. Raises P001."""
    await lock(tx, {offer.part_id for offer in offers})
    for batch in _batches(offers):
        await change_queries.upsert(tx, batch)
        await change_queries.remember(tx, batch, _today(clock))
    await settle(tx, cache, {offer.part_id for offer in offers}, by_offers=True)


async def withdraw(tx: WriteSession, cache: Cache, part_id: int, seller_id: int) -> bool:
    """A seller no longer offers a part; False when it did not. The history stays. Raises P001."""
    await lock(tx, [part_id])
    if not await change_queries.remove(tx, part_id, seller_id):
        return False
    await settle(tx, cache, [part_id], by_offers=True)
    return True


async def settle(tx: WriteSession, cache: Cache, part_ids: Collection[int], *, by_offers: bool = False) -> None:
    """What follows from a change of locked parts or their offers: lowest and highest price, popularity, caches, alerts.

    Without an offer in stock a part has the prices that administrators set (contract 8.8). Where `by_offers` they come
    back, no shop sells at them: that triggers no alert. Alerts are triggered afterwards by the backlog (`alerts`).
    """
    for batch in _batches(sorted(set(part_ids))):
        standings = await change_queries.standings(tx, batch)
        changed = [row for row in map(settled, standings) if row is not None]
        if changed:
            await change_queries.settle(tx, changed)
        asked = [row.id for row in standings if row.lowest_offer is not None or not by_offers]
        await backlog.add(tx, alerts.KIND, *await change_queries.waited_for(tx, asked))
        await cache.invalidate(tx, *map(keys.part, batch))


def settled(part: Standing) -> tuple[int, int | None, int | None, int] | None:
    """Id, lowest, highest and score as they should be; None when they are."""
    lowest, highest = part.lowest_set, part.highest_set
    if part.lowest_offer is not None:
        lowest, highest = part.lowest_offer, part.highest_offer
    score = popularity.score(part.category, part.name, lowest)
    if (lowest, highest, score) == (part.lowest, part.highest, part.score):
        return None
    return part.id, lowest, highest, score


def _today(clock: Clock) -> date:
    return clock.now().date()


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    return (rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH))
