"""Statements that write the catalogue. Rows are passed as JSON objects with the given fields only."""

from collections.abc import Sequence
from typing import Any

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.offers import OPEN_SHOP
from jiucom.encoding import json_text

_GIVEN = """
JSON_TABLE(%s, '$[*]' COLUMNS (
    id BIGINT PATH '$.id', name VARCHAR(200) PATH '$.name', category VARCHAR(20) PATH '$.category',
    manufacturer VARCHAR(100) PATH '$.manufacturer', model_number VARCHAR(100) PATH '$.model_number',
    image_url VARCHAR(500) PATH '$.image_url', specs JSON PATH '$.specs',
    lowest_price INT PATH '$.lowest_price', highest_price INT PATH '$.highest_price'
)) AS given
"""

_INSERT = f"""
INSERT INTO parts (name, category, manufacturer, model_number, image_url, specs)
SELECT given.name, given.category, given.manufacturer, NULLIF(given.model_number, ''), NULLIF(given.image_url, ''),
    given.specs
FROM {_GIVEN}
"""  # noqa: S608

_UPDATE = f"""
UPDATE {_GIVEN} STRAIGHT_JOIN parts ON parts.id = given.id
SET parts.name = COALESCE(given.name, parts.name),
    parts.category = COALESCE(given.category, parts.category),
    parts.manufacturer = COALESCE(given.manufacturer, parts.manufacturer),
    parts.model_number = NULLIF(COALESCE(given.model_number, parts.model_number), ''),
    parts.image_url = NULLIF(COALESCE(given.image_url, parts.image_url), ''),
    parts.specs = COALESCE(given.specs, parts.specs),
    parts.updated_at = UTC_TIMESTAMP(6)
WHERE parts.is_deleted = FALSE
"""  # noqa: S608

_SET_PRICES = f"""
INSERT INTO list_prices (part_id, lowest, highest)
SELECT given.id, given.lowest_price, given.highest_price FROM {_GIVEN}
WHERE given.lowest_price IS NOT NULL OR given.highest_price IS NOT NULL
ON DUPLICATE KEY UPDATE lowest = COALESCE(given.lowest_price, list_prices.lowest),
    highest = COALESCE(given.highest_price, list_prices.highest)
"""  # noqa: S608

# If only one price is given and passes the other, the other becomes equal to it.
_PRICED = f"UPDATE {_GIVEN} STRAIGHT_JOIN list_prices AS list ON list.part_id = given.id"
_LOWEST_FOLLOWS = (
    f"{_PRICED} SET list.lowest = list.highest WHERE given.lowest_price IS NULL AND list.lowest > list.highest"
)
_HIGHEST_FOLLOWS = f"{_PRICED} SET list.highest = list.lowest WHERE list.lowest > list.highest"

_DELETE = "UPDATE parts SET is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6) WHERE id = %s AND is_deleted = FALSE"

# The collation of the columns; the connection has another one.
_TEXT = "CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_ai_ci"

_BY_NAME = f"""
SELECT given.number, MIN(parts.id) FROM JSON_TABLE(%s, '$[*]' COLUMNS (
    number INT PATH '$[0]', category VARCHAR(20) {_TEXT} PATH '$[1]',
    name VARCHAR(200) {_TEXT} PATH '$[2]'
)) AS given STRAIGHT_JOIN parts
    ON parts.is_deleted = FALSE AND parts.category = given.category AND parts.name = given.name
GROUP BY given.number
"""  # noqa: S608

_BY_ID = """
SELECT parts.id FROM JSON_TABLE(%s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS given
STRAIGHT_JOIN parts ON parts.id = given.id WHERE parts.is_deleted = FALSE
"""

_SELLERS = f"""
SELECT given.number, sellers.id FROM JSON_TABLE(%s, '$[*]' COLUMNS (
    number INT PATH '$[0]', id BIGINT PATH '$[1]', name VARCHAR(100) {_TEXT} PATH '$[2]'
)) AS given STRAIGHT_JOIN sellers ON sellers.id = given.id OR (given.id IS NULL AND sellers.name = given.name)
WHERE {OPEN_SHOP}
"""  # noqa: S608

_LOCK_UPLOADS = """
INSERT INTO job_locks (job, locked_by, locked_until) VALUES ('parts-upload', '', UTC_TIMESTAMP(6))
ON DUPLICATE KEY UPDATE locked_until = UTC_TIMESTAMP(6)
"""


async def lock_uploads(tx: WriteSession) -> None:
    """Wait until no other upload runs: names have no unique key, so two uploads at once could add the same part."""
    await tx.execute(_LOCK_UPLOADS)


async def insert(tx: WriteSession, parts: Sequence[dict[str, Any]]) -> int:
    """Insert parts without their prices; the id of the first."""
    return await tx.insert(_INSERT, (json_text(parts),))


async def update(tx: WriteSession, parts: Sequence[dict[str, Any]]) -> int:
    """Change the given fields of the parts with these `id`s, except their prices; the number of parts found."""
    return await tx.execute(_UPDATE, (json_text(parts),))


async def set_prices(tx: WriteSession, parts: Sequence[dict[str, Any]]) -> None:
    """Set the given list prices of the parts with these `id`s. `prices.changes.settle` makes them visible."""
    given = json_text(parts)
    for statement in (_SET_PRICES, _LOWEST_FOLLOWS, _HIGHEST_FOLLOWS):
        await tx.execute(statement, (given,))


async def delete(tx: WriteSession, part_id: int) -> bool:
    """Delete a part; False when there is none."""
    return await tx.execute(_DELETE, (part_id,)) == 1


async def existing(session: ReadSession, part_ids: Sequence[int]) -> set[int]:
    """Those of the ids that are parts."""
    return {row[0] for row in await session.fetch_rows(_BY_ID, (json_text(part_ids),))}


async def by_names(session: ReadSession, names: Sequence[tuple[int, str, str]]) -> dict[int, int]:
    """Ids of parts by (number, category, name): a mapping from the number to the id; the oldest part of several."""
    return dict(await session.fetch_rows(_BY_NAME, (json_text(names),)))


async def sellers(session: ReadSession, wanted: Sequence[tuple[int, int | None, str | None]]) -> dict[int, int]:
    """Ids of open shops by (number, id, name): a mapping from the number to the id. The name counts where the id is None."""
    return dict(await session.fetch_rows(_SELLERS, (json_text(wanted),)))
