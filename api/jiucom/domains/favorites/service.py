"""Favourites of a user."""

from jiucom.db import Database
from jiucom.domains.favorites import queries
from jiucom.domains.favorites.schemas import Favorite
from jiucom.errors import ApiError, ErrorCode
from jiucom.web import Page, PageQuery

# The limit of the list without pages.
MAX_ALL = 1000


async def everything(db: Database, user_id: int) -> list[Favorite]:
    """The user's favourites, the newest MAX_ALL of them."""
    async with db.read() as session:
        return await queries.page(session, user_id, limit=MAX_ALL, offset=0)


async def page(db: Database, user_id: int, query: PageQuery) -> Page[Favorite]:
    """One page of the user's favourites."""
    async with db.read() as session:
        content = await queries.page(session, user_id, limit=query.size, offset=query.offset)
        return Page.of(content, query, await queries.count(session, user_id))


async def add(db: Database, user_id: int, part_id: int) -> None:
    """Make the part a favourite; it may be one already. Raises P001."""
    if not await db.write(lambda session: queries.insert(session, user_id, part_id), one_statement=True):
        raise ApiError(ErrorCode.PART_NOT_FOUND)


async def remove(db: Database, user_id: int, part_id: int) -> None:
    """Take the part off the list. Raises JIUCOM-404 when it is not there."""
    if not await db.write(lambda session: queries.delete(session, user_id, part_id), one_statement=True):
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND, "관심 부품에 없는 부품입니다.")
