"""Statements of the search over parts, posts and builds. `rules.search_terms` interprets the words."""

from jiucom.db import ReadSession, search_sql
from jiucom.db.search_sql import Searchable
from jiucom.domains.authors import NICKNAME
from jiucom.domains.builds.queries import PUBLIC
from jiucom.domains.parts import search_queries
from jiucom.domains.posts.queries import POSTS
from jiucom.domains.search.schemas import BuildHit, PartHit, PostHit
from jiucom.rules.search_terms import Plan, like

BUILDS = Searchable(
    table="builds",
    fulltext="builds.name, builds.description",
    text="CONCAT_WS(' ', builds.name, builds.description)",
    title="builds.name",
    visible=PUBLIC,
)

_PART = "parts.id, parts.name, parts.category, parts.manufacturer, parts.lowest_price, parts.image_url"

_POST = f"""
    posts.id, posts.title, posts.board_type, {NICKNAME}, posts.view_count, posts.like_count, posts.comment_count
"""

_BUILD = f"""
    builds.id, builds.name, builds.description, builds.total_price, builds.like_count, {NICKNAME}, {NICKNAME}
"""

_PART_NAMES = """
SELECT DISTINCT name FROM parts WHERE is_deleted = FALSE AND name LIKE %s ORDER BY name LIMIT %s
"""

# Only the first so many titles of the index are sorted by age: one letter may begin half of all titles.
BEGINNING = 200
POST_TITLES = f"""
SELECT title FROM (
    SELECT title, created_at, id FROM posts FORCE INDEX (idx_posts_title)
    WHERE is_deleted = FALSE AND title LIKE %s ORDER BY title LIMIT {BEGINNING}
) AS beginning
ORDER BY created_at DESC, id DESC LIMIT %s
"""  # noqa: S608


async def parts(session: ReadSession, plan: Plan, limit: int) -> list[PartHit]:
    """The most relevant first, then the most popular."""
    sql = search_queries.search(plan, _PART, limit=limit)
    return await session.fetch_all(sql.text, sql.args, PartHit)


async def posts(session: ReadSession, plan: Plan, limit: int, *, indexed: bool) -> list[PostHit]:
    """Found by title or content, the newest first; `indexed`: see `posts.queries`."""
    source, condition = search_sql.source(POSTS, plan), search_sql.condition(POSTS, plan, indexed=indexed)
    return await session.fetch_all(
        f"SELECT {_POST} FROM (SELECT posts.id FROM {source.text} WHERE {condition.text}"  # noqa: S608
        " ORDER BY posts.created_at DESC, posts.id DESC LIMIT %s) AS hits"
        " JOIN posts USING (id) JOIN users ON users.id = posts.user_id ORDER BY posts.created_at DESC, posts.id DESC",
        (*source.args, *condition.args, limit),
        PostHit,
    )


async def builds(session: ReadSession, plan: Plan, limit: int) -> list[BuildHit]:
    """Public ones, found by name or description: the most relevant first, then the newest."""
    source, condition = search_sql.source(BUILDS, plan), search_sql.condition(BUILDS, plan)
    relevance = search_sql.relevance(BUILDS, plan)
    order = f"{relevance.text}, builds.created_at DESC, builds.id DESC"
    return await session.fetch_all(
        f"SELECT {_BUILD} FROM (SELECT builds.id FROM {source.text} WHERE {condition.text}"  # noqa: S608
        f" ORDER BY {order} LIMIT %s) AS hits"
        f" JOIN builds USING (id) JOIN users ON users.id = builds.user_id ORDER BY {order}",
        (*source.args, *condition.args, *relevance.args, limit, *relevance.args),
        BuildHit,
    )


async def part_names(session: ReadSession, prefix: str, limit: int) -> list[str]:
    """Names of parts that begin like that, in their order."""
    return [name for (name,) in await session.fetch_rows(_PART_NAMES, (f"{like(prefix)}%", limit))]


async def post_titles(session: ReadSession, prefix: str, limit: int) -> list[str]:
    """Titles of posts that begin like that, the newest (of the first 200 in their order) first."""
    return [title for (title,) in await session.fetch_rows(POST_TITLES, (f"{like(prefix)}%", limit))]
