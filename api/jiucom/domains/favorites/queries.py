"""Statements about favourites. Deleted parts are left out."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.favorites.schemas import Favorite

_MINE = """
FROM favorites JOIN parts ON parts.id = favorites.part_id AND parts.is_deleted = FALSE
WHERE favorites.user_id = %s
"""

_PAGE = f"""
SELECT favorites.id, parts.id, parts.name, parts.category, parts.lowest_price, favorites.created_at, TRUE AS favorite {_MINE}
ORDER BY favorites.created_at DESC, favorites.id DESC LIMIT %s OFFSET %s
"""

# The assignment changes nothing: adding a favourite twice is not an error.
_INSERT = """
INSERT INTO favorites (user_id, part_id)
SELECT %s, parts.id FROM parts WHERE parts.id = %s AND parts.is_deleted = FALSE
ON DUPLICATE KEY UPDATE part_id = parts.id
"""

_DELETE = "DELETE FROM favorites WHERE user_id = %s AND part_id = %s"


async def page(session: ReadSession, user_id: int, *, limit: int, offset: int) -> list[Favorite]:
    """The user's favourites, newest first."""
    return await session.fetch_all(_PAGE, (user_id, limit, offset), Favorite)


async def count(session: ReadSession, user_id: int) -> int:
    """How many favourites the user has."""
    return int(await session.fetch_value(f"SELECT COUNT(*) {_MINE}", (user_id,)))


async def insert(session: WriteSession, user_id: int, part_id: int) -> bool:
    """Make the part a favourite, which it may be already; False when there is no such part."""
    return bool(await session.execute(_INSERT, (user_id, part_id)))


async def delete(session: WriteSession, user_id: int, part_id: int) -> bool:
    """Take the part off the list; False when it was not there."""
    return bool(await session.execute(_DELETE, (user_id, part_id)))
