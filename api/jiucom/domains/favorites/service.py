"""Favourites of a user."""

from jiucom.auth.principal import Principal
from jiucom.domains.favorites import queries
from jiucom.domains.favorites.schemas import Favorite
from jiucom.errors import ApiError, ErrorCode
from jiucom.state import AppState
from jiucom.web import Page, PageQuery

# The limit of the list without pages.
MAX_ALL = 1000


async def list_all(app: AppState, user: Principal) -> list[Favorite]:
    """The user's favourites, the newest MAX_ALL of them."""
    async with app.db.read() as session:
        return await queries.page(session, user.user_id, limit=MAX_ALL, offset=0)


async def list_page(app: AppState, user: Principal, query: PageQuery) -> Page[Favorite]:
    """One page of the user's favourites."""
    async with app.db.read() as session:
        content = await queries.page(session, user.user_id, limit=query.size, offset=query.offset)
        return Page.of(content, query, await queries.count(session, user.user_id))


async def create(app: AppState, user: Principal, part_id: int) -> None:
    """Make the part a favourite; it may be one already. Raises P001."""
    if not await app.db.write(lambda session: queries.insert(session, user.user_id, part_id), one_statement=True):
        raise ApiError(ErrorCode.PART_NOT_FOUND)


async def delete(app: AppState, user: Principal, part_id: int) -> None:
    """Take the part off the list. Raises JIUCOM-404 when it is not there."""
    if not await app.db.write(lambda session: queries.delete(session, user.user_id, part_id), one_statement=True):
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND, "관심 부품에 없는 부품입니다.")
