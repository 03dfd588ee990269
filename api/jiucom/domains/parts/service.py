"""What can be done with parts."""

import msgspec

from jiucom.cache import Cache, keys
from jiucom.db import Database, ReadSession
from jiucom.db.totals import Totals
from jiucom.domains.parts import queries
from jiucom.domains.parts.schemas import PartDetail, PartItem, PartQuery, RankedPart, TopQuery
from jiucom.encoding import Json
from jiucom.errors import ApiError, ErrorCode
from jiucom.rules.search_terms import plan
from jiucom.web import Page


async def search(db: Database, totals: Totals, query: PartQuery) -> Page[PartItem]:
    """One page of the catalogue."""
    meant = plan(query.keyword or "")
    filters = ("parts", meant, query.category, query.min_price, query.max_price)
    async with db.read() as session:
        if (total := totals.known(filters)) is not None:
            return Page.of(await queries.page(session, query, meant), query, total)
        # In one go: half of what a page costs is the way to the database.
        content, total = await queries.counted_page(session, query, meant)
        if total is None:
            total = await queries.count(session, query, meant) if query.page else 0
    return Page.of(content, query, totals.learn(filters, total))


async def popular(db: Database, query: TopQuery) -> list[PartItem]:
    """The most popular parts."""
    async with db.read() as session:
        return await queries.page(session, PartQuery(category=query.category, size=query.size), plan(""))


async def ranking(db: Database, query: TopQuery) -> list[RankedPart]:
    """The most popular parts with their places and what users did with them."""
    async with db.read() as session:
        return await queries.ranking(session, query)


async def detail(db: Database, cache: Cache, part_id: int) -> Json[PartDetail]:
    """A part with its offers. Raises P001."""

    async def load() -> PartDetail:
        async with db.read() as session:
            return await present(session, part_id)

    return await cache.fetch(keys.PART_DETAIL, (part_id,), load)


async def present(session: ReadSession, part_id: int) -> PartDetail:
    """A part with its offers as they are in the database now. Raises P001."""
    part = await queries.by_id(session, part_id)
    if part is None:
        raise ApiError(ErrorCode.PART_NOT_FOUND)
    values = msgspec.structs.asdict(part)
    return PartDetail(**values, prices=await queries.offers(session, part_id))
