"""Statements about the lines of builds. Lists of parts are passed as one JSON text, so that one prepared statement serves
lists of any length."""

from collections.abc import Mapping

from msgspec import Raw, Struct

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.builds.schemas import BuildLine
from jiucom.domains.parts.schemas import PartCategory
from jiucom.encoding import json_text

_OF_BUILD = """
SELECT build_parts.id, parts.id, parts.name, parts.category, parts.manufacturer, parts.image_url, parts.specs,
    build_parts.quantity, build_parts.unit_price, build_parts.quantity * build_parts.unit_price
FROM build_parts JOIN parts ON parts.id = build_parts.part_id
WHERE build_parts.build_id = %s ORDER BY build_parts.id
"""

_WANTED = """
JSON_TABLE(%s, '$[*]' COLUMNS (position FOR ORDINALITY, part_id BIGINT PATH '$[0]', quantity INT PATH '$[1]')) AS wanted
"""

_QUANTITIES = "SELECT part_id, quantity FROM build_parts WHERE build_id = %s ORDER BY id"

_KEEP_ONLY = f"""
DELETE FROM build_parts WHERE build_id = %s AND part_id NOT IN (SELECT wanted.part_id FROM {_WANTED})
"""  # noqa: S608

# A line keeps the price of the day when it was added or changed.
_PUT = f"""
INSERT INTO build_parts (build_id, part_id, quantity, unit_price)
SELECT %s, parts.id, wanted.quantity, parts.lowest_price
FROM {_WANTED} JOIN parts ON parts.id = wanted.part_id AND parts.is_deleted = FALSE
ORDER BY wanted.position
ON DUPLICATE KEY UPDATE quantity = wanted.quantity, unit_price = parts.lowest_price, updated_at = UTC_TIMESTAMP(6)
"""  # noqa: S608

_COPY = """
INSERT INTO build_parts (build_id, part_id, quantity, unit_price)
SELECT %s, parts.id, build_parts.quantity, parts.lowest_price
FROM build_parts JOIN parts ON parts.id = build_parts.part_id AND parts.is_deleted = FALSE
WHERE build_parts.build_id = %s ORDER BY build_parts.id
"""

_PARTS = f"""
SELECT parts.id, parts.name, parts.category, parts.specs
FROM {_WANTED} JOIN parts ON parts.id = wanted.part_id AND parts.is_deleted = FALSE
ORDER BY wanted.position
"""  # noqa: S608

# Part id -> quantity, in the order in which the parts were chosen.
Quantities = Mapping[int, int]


class Part(Struct, frozen=True):
    """A part, with the values that the rules use."""

    id: int
    name: str
    category: PartCategory
    specs: Raw | None


async def of_build(session: ReadSession, build_id: int) -> list[BuildLine]:
    """The lines of a build, also those of deleted parts."""
    return await session.fetch_all(_OF_BUILD, (build_id,), BuildLine)


async def quantities(session: ReadSession, build_id: int) -> dict[int, int]:
    """The quantity of each part of a build."""
    return {int(part): int(pieces) for part, pieces in await session.fetch_rows(_QUANTITIES, (build_id,))}


async def keep_only(session: WriteSession, build_id: int, wanted: Quantities) -> None:
    """Drop the lines of all other parts."""
    await session.execute(_KEEP_ONLY, (build_id, _json(wanted)))


async def put(session: WriteSession, build_id: int, wanted: Quantities) -> None:
    """Add lines, or change their quantities, at today's prices. Parts that do not exist are skipped."""
    await session.execute(_PUT, (build_id, _json(wanted)))


async def copy(session: WriteSession, build_id: int, original_id: int) -> int:
    """Copy the lines whose parts still exist, at today's prices; how many."""
    return await session.execute(_COPY, (build_id, original_id))


async def parts(session: ReadSession, wanted: Quantities) -> list[Part]:
    """Those parts that exist."""
    return await session.fetch_all(_PARTS, (_json(wanted),), Part)


def _json(wanted: Quantities) -> str:
    return json_text(list(wanted.items()))
