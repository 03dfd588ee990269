"""The catalogue: search, rankings, details."""

import msgspec

from jiucom.cache import keys
from jiucom.db import ReadSession
from jiucom.domains.parts import queries
from jiucom.domains.parts.schemas import PartDetail, PartItem, PartQuery, RankedPart, TopQuery
from jiucom.encoding import Json
from jiucom.errors import ErrorCode, found
from jiucom.rules.search_terms import plan
from jiucom.state import AppState
from jiucom.web import Page


async def list_parts(app: AppState, query: PartQuery) -> Page[PartItem]:
    """One page of the catalogue."""
    meant = plan(query.keyword or "")
    filters = ("parts", meant, query.category, query.min_price, query.max_price)
    async with app.db.search() if meant.terms else app.db.read() as session:
        if app.totals.known(filters) is None:
            # One statement for page and total: of a list half of the time is the round trip, of a search the index.
            content, total = await queries.counted_page(session, query, meant)
            if total is not None:
                app.totals.learn(filters, total)
        else:
            content, total = await queries.page(session, query, meant), None
        if total is None:
            total = Page.end(content, query)
        if total is None:
            total = await app.totals.of(filters, lambda: queries.count(session, query, meant))
    return Page.of(content, query, total)


async def list_popular(app: AppState, query: TopQuery) -> list[PartItem]:
    """The most popular parts."""
    async with app.db.read() as session:
        return await queries.page(session, PartQuery(category=query.category, size=query.size), plan(""))


async def list_ranking(app: AppState, query: TopQuery) -> list[RankedPart]:
    """The most popular parts with their ranks, favourites and reviews."""
    async with app.db.read() as session:
        return await queries.ranking(session, query)


async def get(app: AppState, part_id: int) -> Json[PartDetail]:
    """A part with its offers. Raises P001."""

    async def load() -> PartDetail:
        async with app.db.read() as session:
            return await read(session, part_id)

    return await app.cache.fetch(keys.PART_DETAIL, (part_id,), load)


async def read(session: ReadSession, part_id: int) -> PartDetail:
    """A part with its offers, from the database. Raises P001."""
    part = found(await queries.by_id(session, part_id), ErrorCode.PART_NOT_FOUND)
    values = msgspec.structs.asdict(part)
    return PartDetail(**values, prices=await queries.offers(session, part_id))
