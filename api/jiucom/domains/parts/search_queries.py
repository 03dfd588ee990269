"""Searches of the catalogue: by relevance, then popularity, then id."""

from jiucom.db import search_sql
from jiucom.db.search_sql import Searchable
from jiucom.db.sql import Sql, where
from jiucom.rules.search_terms import Plan

PARTS = Searchable(
    table="parts",
    fulltext="parts.search_text",
    text="parts.search_text",
    title="parts.name",
    visible="parts.is_deleted = FALSE",
)


def search(plan: Plan, columns: str, *, limit: int, offset: int = 0, filters: Sql | None = None) -> Sql:
    """The parts that a plan finds. `columns` are columns of `parts`; `filters` is a further condition."""
    source, condition = search_sql.source(PARTS, plan), where(search_sql.condition(PARTS, plan), filters)
    order = search_sql.relevance(PARTS, plan)
    # Without words it is a list in the order of the index.
    ties = "parts.popularity_score DESC, parts.id" if plan.terms else "parts.popularity_score DESC, parts.id DESC"
    return Sql(
        f"SELECT {columns} FROM {source.text} WHERE {condition.text}"  # noqa: S608
        f" ORDER BY {order.text}, {ties} LIMIT %s OFFSET %s",
        (*source.args, *condition.args, *order.args, limit, offset),
    )


def count(plan: Plan, filters: Sql | None = None) -> Sql:
    """How many parts a plan finds."""
    source, condition = search_sql.source(PARTS, plan), where(search_sql.condition(PARTS, plan), filters)
    return Sql(
        f"SELECT COUNT(*) FROM {source.text} WHERE {condition.text}",  # noqa: S608
        (*source.args, *condition.args),
    )
