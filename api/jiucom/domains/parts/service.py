"""The catalogue: search, rankings, details."""

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
        if totals.known(filters) is None and not meant.terms:
            # One statement for page and total, since half of the time is the round trip. A search would search its words twice.
            content, total = await queries.counted_page(session, query, meant)
            if total is not None:
                totals.learn(filters, total)
        else:
            content, total = await queries.page(session, query, meant), None
        if total is None:
            total = Page.end(content, query)
        if total is None:
            total = await totals.of(filters, lambda: queries.count(session, query, meant))
    return Page.of(content, query, total)


async def popular(db: Database, query: TopQuery) -> list[PartItem]:
    """The most popular parts."""
    async with db.read() as session:
        return await queries.page(session, PartQuery(category=query.category, size=query.size), plan(""))


async def ranking(db: Database, query: TopQuery) -> list[RankedPart]:
    """The most popular parts with their ranks, favourites and reviews."""
    async with db.read() as session:
        return await queries.ranking(session, query)


async def detail(db: Database, cache: Cache, part_id: int) -> Json[PartDetail]:
    """A part with its offers. Raises P001."""

    async def load() -> PartDetail:
        async with db.read() as session:
            return await present(session, part_id)

    return await cache.fetch(keys.PART_DETAIL, (part_id,), load)


async def present(session: ReadSession, part_id: int) -> PartDetail:
    """A part with its offers, from the database. Raises P001."""
    part = await queries.by_id(session, part_id)
    if part is None:
        raise ApiError(ErrorCode.PART_NOT_FOUND)
    values = msgspec.structs.asdict(part)
    return PartDetail(**values, prices=await queries.offers(session, part_id))
