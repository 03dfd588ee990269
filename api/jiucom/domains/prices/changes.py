"""All changes of prices: by sellers, administrators and uploads. Each ends with `settle`.

Everything happens in the caller's transaction. Parts are locked first, in the order of their ids, so that changes of one part
take turns, without deadlocks.
"""

from collections.abc import Collection, Sequence
from datetime import date

from jiucom.batches import batches
from jiucom.cache import Cache, keys
from jiucom.clock import Clock
from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.prices import alerts, change_queries
from jiucom.domains.prices.change_queries import Offer, Standing
from jiucom.errors import ApiError, ErrorCode
from jiucom.jobs import backlog
from jiucom.rules import popularity

_TAKEN = "이미 등록한 상품입니다."
# Rows per statement.
_BATCH = 500


async def lock(tx: WriteSession, part_ids: Collection[int]) -> None:
    """Lock parts until the end of the transaction. Raises P001 when one does not exist."""
    wanted = sorted(set(part_ids))
    for batch in batches(wanted, _BATCH):
        if len(await change_queries.lock(tx, batch)) != len(batch):
            raise ApiError(ErrorCode.PART_NOT_FOUND)


async def add(tx: WriteSession, cache: Cache, clock: Clock, offer: Offer) -> None:
    """Add an offer. Raises P001, and 409 when the seller offers the part already."""
    await lock(tx, [offer.part_id])
    try:
        await change_queries.insert(tx, [offer])
    except DuplicateKeyError:
        raise ApiError(ErrorCode.CONFLICT, _TAKEN) from None
    await change_queries.remember(tx, [offer], _today(clock))
    await settle(tx, cache, [offer.part_id], by_offers=True)


async def put(tx: WriteSession, cache: Cache, clock: Clock, offers: Sequence[Offer]) -> None:
    """Add or replace offers, at most one per part and seller. Raises P001."""
    await lock(tx, {offer.part_id for offer in offers})
    for batch in batches(offers, _BATCH):
        await change_queries.upsert(tx, batch)
        await change_queries.remember(tx, batch, _today(clock))
    await settle(tx, cache, {offer.part_id for offer in offers}, by_offers=True)


async def withdraw(tx: WriteSession, cache: Cache, part_id: int, seller_id: int) -> bool:
    """Remove an offer; False when there was none. The history stays. Raises P001."""
    await lock(tx, [part_id])
    if not await change_queries.remove(tx, part_id, seller_id):
        return False
    await settle(tx, cache, [part_id], by_offers=True)
    return True


async def settle(tx: WriteSession, cache: Cache, part_ids: Collection[int], *, by_offers: bool = False) -> None:
    """Update what depends on locked parts and their offers: lowest and highest price, popularity, caches, alerts.

    Without an offer in stock a part has its list prices, set by administrators. When they come back because an offer was
    removed (`by_offers`), no alert is triggered, since no shop sells at them. The backlog triggers alerts later (`alerts`).
    """
    for batch in batches(sorted(set(part_ids)), _BATCH):
        standings = await change_queries.standings(tx, batch)
        changed = [row for row in map(settled, standings) if row is not None]
        if changed:
            await change_queries.settle(tx, changed)
        asked = [row.id for row in standings if row.lowest_offer is not None or not by_offers]
        await backlog.add(tx, alerts.KIND, *await change_queries.waited_for(tx, asked))
        await cache.invalidate(tx, *map(keys.part, batch))


def settled(part: Standing) -> tuple[int, int | None, int | None, int] | None:
    """Id and the right lowest price, highest price and score; None when the part has them already."""
    lowest, highest = part.lowest_set, part.highest_set
    if part.lowest_offer is not None:
        lowest, highest = part.lowest_offer, part.highest_offer
    score = popularity.score(part.category, part.name, lowest)
    if (lowest, highest, score) == (part.lowest, part.highest, part.score):
        return None
    return part.id, lowest, highest, score


def _today(clock: Clock) -> date:
    return clock.now().date()
