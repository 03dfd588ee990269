"""Statements that change prices. Rows are passed as one JSON argument, so one statement serves any number of rows."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.offers import IN_STOCK
from jiucom.encoding import json_text


class Offer(NamedTuple):
    """A new offer of a seller for a part."""

    part_id: int
    seller_id: int
    price: int
    product_url: str | None
    available: bool


class Standing(msgspec.Struct, frozen=True):
    """A part as stored, lowest and highest price of its offers in stock (None without any), and its list prices."""

    id: int
    category: str
    name: str
    lowest: int | None
    highest: int | None
    score: int
    lowest_offer: int | None
    highest_offer: int | None
    lowest_set: int | None
    highest_set: int | None


_OFFERS = """
JSON_TABLE(%s, '$[*]' COLUMNS (
    part_id BIGINT PATH '$[0]', seller_id BIGINT PATH '$[1]', price INT PATH '$[2]',
    product_url VARCHAR(500) PATH '$[3]', available BOOLEAN PATH '$[4]'
)) AS offer
"""
_IDS = "JSON_TABLE(%s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS wanted"

# STRAIGHT_JOIN: reads and locks the wanted rows in the order of their ids.
_LOCK = f"""
SELECT parts.id FROM {_IDS} STRAIGHT_JOIN parts ON parts.id = wanted.id
WHERE parts.is_deleted = FALSE FOR UPDATE OF parts
"""  # noqa: S608

_INSERT = f"""
INSERT INTO price_entries (part_id, seller_id, price, product_url, is_available)
SELECT offer.part_id, offer.seller_id, offer.price, offer.product_url, offer.available FROM {_OFFERS}
"""  # noqa: S608

_UPSERT = f"""{_INSERT}
ON DUPLICATE KEY UPDATE price = offer.price, product_url = offer.product_url, is_available = offer.available,
    is_deleted = FALSE, deleted_at = NULL, updated_at = UTC_TIMESTAMP(6)
"""

# Offers out of stock are not recorded.
_HISTORY = f"""
INSERT INTO price_history (part_id, seller_id, price, record_date)
SELECT offer.part_id, offer.seller_id, offer.price, %s FROM {_OFFERS} WHERE offer.available
ON DUPLICATE KEY UPDATE price = offer.price, updated_at = UTC_TIMESTAMP(6)
"""  # noqa: S608

_STANDINGS = f"""
SELECT parts.id, parts.category, parts.name, parts.lowest_price, parts.highest_price, parts.popularity_score,
    offered.lowest AS lowest_offer, offered.highest AS highest_offer, list_prices.lowest AS lowest_set,
    list_prices.highest AS highest_set
FROM {_IDS} STRAIGHT_JOIN parts ON parts.id = wanted.id
    LEFT JOIN list_prices ON list_prices.part_id = parts.id
    LEFT JOIN LATERAL (
        SELECT MIN(price) AS lowest, MAX(price) AS highest
        FROM {IN_STOCK} AND price_entries.part_id = parts.id
    ) AS offered ON TRUE
WHERE parts.is_deleted = FALSE
"""  # noqa: S608

_SETTLE = """
UPDATE JSON_TABLE(%s, '$[*]' COLUMNS (
    id BIGINT PATH '$[0]', lowest INT PATH '$[1]', highest INT PATH '$[2]', score INT PATH '$[3]'
)) AS settled STRAIGHT_JOIN parts ON parts.id = settled.id
SET parts.lowest_price = settled.lowest, parts.highest_price = settled.highest, parts.popularity_score = settled.score
"""

# Parts that have an alert whose target the present price meets.
_WAITED_FOR = f"""
SELECT parts.id, parts.lowest_price FROM {_IDS} STRAIGHT_JOIN parts ON parts.id = wanted.id
WHERE EXISTS (
    SELECT 1 FROM price_alerts
    WHERE part_id = parts.id AND is_active = TRUE AND is_triggered = FALSE AND target_price >= parts.lowest_price
)
"""  # noqa: S608


async def lock(tx: WriteSession, part_ids: Sequence[int]) -> set[int]:
    """Lock the parts until the end of the transaction; those that exist. Ids in ascending order."""
    return {row[0] for row in await tx.fetch_rows(_LOCK, (json_text(part_ids),))}


async def insert(tx: WriteSession, offers: Sequence[Offer]) -> None:
    """Store offers that are new. Raises DuplicateKeyError when the seller offers the part already."""
    await tx.execute(_INSERT, (json_text(offers),))


async def upsert(tx: WriteSession, offers: Sequence[Offer]) -> None:
    """Store offers, replacing those of the same sellers and parts."""
    await tx.execute(_UPSERT, (json_text(offers),))


async def remember(tx: WriteSession, offers: Sequence[Offer], day: date) -> None:
    """Write prices into the history; the last one of a day counts."""
    await tx.execute(_HISTORY, (day, json_text(offers)))


async def remove(tx: WriteSession, part_id: int, seller_id: int) -> bool:
    """Delete an offer; False when there is none."""
    sql = "DELETE FROM price_entries WHERE part_id = %s AND seller_id = %s"
    return await tx.execute(sql, (part_id, seller_id)) == 1


async def standings(session: ReadSession, part_ids: Sequence[int]) -> list[Standing]:
    """The parts with the prices of their offers; deleted parts are left out."""
    return await session.fetch_all(_STANDINGS, (json_text(part_ids),), Standing)


async def settle(tx: WriteSession, rows: Sequence[tuple[int, int | None, int | None, int]]) -> None:
    """Store id, lowest, highest and score of parts."""
    await tx.execute(_SETTLE, (json_text(rows),))


async def waited_for(tx: WriteSession, part_ids: Sequence[int]) -> list[tuple[int, int]]:
    """The parts whose price meets the target of an alert, with their prices."""
    return [(row[0], row[1]) for row in await tx.fetch_rows(_WAITED_FOR, (json_text(part_ids),))]
