"""Statements about parts."""

from jiucom.db import ReadSession, search_sql
from jiucom.db.sql import Sql, given, where
from jiucom.domains.offers import OPEN_SHOP
from jiucom.domains.parts.schemas import Offer, Part, PartItem, PartQuery, RankedPart, TopQuery
from jiucom.domains.parts.search_queries import PARTS
from jiucom.rules.search_terms import Plan

_ITEM = """
    parts.id, parts.name, parts.category, parts.manufacturer, parts.image_url, parts.lowest_price, parts.highest_price,
    parts.specs
"""

# Each ends with the id in the direction of its index: the order is total, and no sorting is needed.
_ORDERS = {
    "popular": "parts.popularity_score DESC, parts.id DESC",
    "price_asc": "parts.ascending_price, parts.id",
    "price_desc": "parts.lowest_price DESC, parts.id DESC",
    "name_asc": "parts.name, parts.id",
    "name_desc": "parts.name DESC, parts.id DESC",
    "latest": "parts.created_at DESC, parts.id DESC",
}

_DETAIL = f"SELECT {_ITEM}, parts.model_number FROM parts WHERE id = %s AND is_deleted = FALSE"  # noqa: S608

_OFFERS = f"""
SELECT price_entries.id, sellers.name, sellers.site_url, price_entries.price, price_entries.product_url,
    price_entries.is_available
FROM price_entries JOIN sellers ON sellers.id = price_entries.seller_id
WHERE price_entries.part_id = %s AND price_entries.is_deleted = FALSE AND {OPEN_SHOP}
ORDER BY price_entries.price, price_entries.id
"""  # noqa: S608

# Counts are made for the parts of the result only.
_RANKING = f"""
SELECT {_ITEM},
    (SELECT COUNT(*) FROM favorites WHERE part_id = parts.id AND is_deleted = FALSE),
    (SELECT COUNT(*) FROM reviews WHERE part_id = parts.id AND is_deleted = FALSE),
    (SELECT CAST(ROUND(AVG(rating), 1) AS DOUBLE) FROM reviews WHERE part_id = parts.id AND is_deleted = FALSE),
    ROW_NUMBER() OVER (ORDER BY {_ORDERS["popular"]})
FROM (
    SELECT parts.id FROM parts WHERE parts.is_deleted = FALSE{{category}} ORDER BY {_ORDERS["popular"]} LIMIT %s
) AS top JOIN parts USING (id) ORDER BY {_ORDERS["popular"]}
"""  # noqa: S608


async def page(session: ReadSession, query: PartQuery, plan: Plan) -> list[PartItem]:
    """The rows of one page. Without a sort, searches are ordered by relevance and lists by popularity."""
    sql = _page(query, plan, Sql(_ITEM))
    return await session.fetch_all(sql.text, sql.args, PartItem)


async def counted_page(session: ReadSession, query: PartQuery, plan: Plan) -> tuple[list[PartItem], int | None]:
    """The rows of one page, and how many parts the query finds (None without rows: unknown)."""
    if plan.terms:
        # The hits are counted while they are ranked: a count of its own would search the index again.
        sql = _page(query, plan, Sql(f"{_ITEM}, page.total"), inner="parts.id, COUNT(*) OVER () AS total")
    else:
        total = _count(query, plan)
        sql = _page(query, plan, Sql(f"{_ITEM}, ({total.text})", total.args))
    return await session.fetch_counted(sql.text, sql.args, PartItem)


async def count(session: ReadSession, query: PartQuery, plan: Plan) -> int:
    """How many parts the query finds."""
    sql = _count(query, plan)
    return int(await session.fetch_value(sql.text, sql.args))


async def ranking(session: ReadSession, query: TopQuery) -> list[RankedPart]:
    """The most popular parts."""
    if query.category is None:
        return await session.fetch_all(_RANKING.format(category=""), (query.size,), RankedPart)
    sql = _RANKING.format(category=" AND parts.category = %s")
    return await session.fetch_all(sql, (query.category, query.size), RankedPart)


async def by_id(session: ReadSession, part_id: int) -> Part | None:
    """A part that is not deleted."""
    return await session.fetch_one(_DETAIL, (part_id,), Part)


async def offers(session: ReadSession, part_id: int) -> list[Offer]:
    """Offers of active sellers, cheapest first, also those out of stock."""
    return await session.fetch_all(_OFFERS, (part_id,), Offer)


def _page(query: PartQuery, plan: Plan, columns: Sql, *, inner: str = "parts.id") -> Sql:
    """A page of the list, of these columns of `parts` and of `page`, which has the `inner` ones."""
    # The limits are repeated for the column of the index; otherwise cheaper parts would be read and discarded.
    prices = ("lowest_price", "ascending_price") if query.sort == "price_asc" else ("lowest_price",)
    source, condition = search_sql.source(PARTS, plan), _where(query, plan, *prices)
    order = Sql(_ORDERS.get(query.sort or "", _ORDERS["popular"]))
    if plan.terms and query.sort not in _ORDERS:
        relevance = search_sql.relevance(PARTS, plan)
        # The same order as in `search_queries`.
        order = Sql(f"{relevance.text}, parts.popularity_score DESC, parts.id", relevance.args)
    # The inner query skips rows in the index; whole rows are read for this page only.
    return Sql(
        f"SELECT {columns.text} FROM (SELECT {inner} FROM {source.text} WHERE {condition.text}"  # noqa: S608
        f" ORDER BY {order.text} LIMIT %s OFFSET %s) AS page JOIN parts USING (id) ORDER BY {order.text}",
        (*columns.args, *source.args, *condition.args, *order.args, query.size, query.offset, *order.args),
    )


def _count(query: PartQuery, plan: Plan) -> Sql:
    source, condition = search_sql.source(PARTS, plan), _where(query, plan, "lowest_price")
    return Sql(
        f"SELECT COUNT(*) FROM {source.text} WHERE {condition.text}",  # noqa: S608
        (*source.args, *condition.args),
    )


def _where(query: PartQuery, plan: Plan, *prices: str) -> Sql:
    """Only the filters that were given; price limits are applied to the columns `prices`."""
    pieces = [search_sql.condition(PARTS, plan), given("parts.category = %s", query.category)]
    for column in prices:
        pieces.append(given(f"parts.{column} >= %s", query.min_price))
        pieces.append(given(f"parts.{column} <= %s", query.max_price))
    return where(*pieces)
