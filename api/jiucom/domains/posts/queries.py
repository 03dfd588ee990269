"""Statements about posts."""

from jiucom.auth.principal import Principal
from jiucom.db import ReadSession, WriteSession, search_sql
from jiucom.db.search_sql import Searchable
from jiucom.db.sql import Sql, given, where
from jiucom.db.totals import Totals
from jiucom.domains.authors import NICKNAME
from jiucom.domains.posts.schemas import BoardType, Post, PostCreate, PostDetail, PostItem, PostQuery, PostUpdate
from jiucom.rules.search_terms import Plan
from jiucom.web import PageQuery

# Exported: likes use the same condition.
VISIBLE = "posts.is_deleted = FALSE"

POSTS = Searchable(
    table="posts",
    fulltext="posts.title, posts.content",
    text="CONCAT_WS(' ', posts.title, posts.content)",
    title="posts.title",
    visible=VISIBLE,
)

# Above so many candidates the full-text index is not used: it reads all candidates before the newest are known. Reading the
# posts from the newest on is faster then (200,000 posts with the word: 0.9 s with the index, 1 ms without).
_COMMON = 20_000

# Characters of the content in lists.
_PREVIEW = 150

_ITEM = f"""
    posts.id, posts.board_type, posts.title, LEFT(posts.content, {_PREVIEW}), posts.user_id, {NICKNAME},
    posts.view_count, posts.like_count, posts.comment_count, posts.created_at
"""

_POST = f"""
    posts.id, posts.board_type, posts.title, posts.content, posts.user_id, {NICKNAME}, posts.like_count,
    posts.comment_count, posts.created_at, posts.updated_at
"""

_OWN = f"posts.user_id = %s AND {VISIBLE}"

_BY_ID = f"FROM posts JOIN users ON users.id = posts.user_id WHERE posts.id = %s AND {VISIBLE}"

_INSERT = "INSERT INTO posts (user_id, board_type, title, content) VALUES (%s, %s, %s, %s)"

_OFFICIAL = ", ".join(f"'{board}'" for board in BoardType if board.official)

_UPDATE = f"""
UPDATE posts
SET board_type = COALESCE(%s, board_type), title = COALESCE(%s, title), content = COALESCE(%s, content),
    updated_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = %s AND is_deleted = FALSE AND (%s OR board_type NOT IN ({_OFFICIAL}))
"""  # noqa: S608

_DELETE = """
UPDATE posts SET is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = COALESCE(%s, user_id) AND is_deleted = FALSE
"""

# LAST_INSERT_ID returns the new count; a second statement could read a later one.
_COUNT_VIEWS = "UPDATE posts SET view_count = LAST_INSERT_ID(view_count + %s) WHERE id = %s AND is_deleted = FALSE"


async def indexed(session: ReadSession, totals: Totals, plan: Plan) -> bool:
    """Whether to use the full-text index for a plan: not if very many posts contain the words."""
    if not plan.complete:
        return True
    sql = search_sql.candidates(POSTS, plan)

    async def count() -> int:
        return int(await session.fetch_value(sql.text, sql.args))

    # exact_below=0: an old number is good enough here.
    return await totals.of(("candidates", POSTS.table, plan.boolean), count, exact_below=0) <= _COMMON


async def page(session: ReadSession, query: PostQuery, plan: Plan, *, indexed: bool) -> list[PostItem]:
    """The rows of one page, newest first."""
    found = _found(query, plan, indexed)
    # The inner query skips rows in the index; whole rows are read for this page only.
    return await session.fetch_all(
        f"SELECT {_ITEM} FROM (SELECT posts.id {found.text}"  # noqa: S608
        " ORDER BY posts.created_at DESC, posts.id DESC LIMIT %s OFFSET %s) AS page"
        " JOIN posts USING (id) JOIN users ON users.id = posts.user_id"
        " ORDER BY posts.created_at DESC, posts.id DESC",
        (*found.args, query.size, query.offset),
        PostItem,
    )


async def count(session: ReadSession, query: PostQuery, plan: Plan, *, indexed: bool) -> int:
    """How many posts the query finds."""
    # Without the full-text index: a scan of the table.
    found = _found(query, plan, indexed, hint="" if indexed else " USE INDEX ()")
    return int(await session.fetch_value(f"SELECT COUNT(*) {found.text}", found.args))


async def page_of_author(session: ReadSession, author_id: int, query: PageQuery) -> list[PostItem]:
    """One page of an author's posts, newest first."""
    return await session.fetch_all(
        f"SELECT {_ITEM} FROM posts JOIN users ON users.id = posts.user_id WHERE {_OWN}"  # noqa: S608
        " ORDER BY posts.created_at DESC, posts.id DESC LIMIT %s OFFSET %s",
        (author_id, query.size, query.offset),
        PostItem,
    )


async def count_of_author(session: ReadSession, author_id: int) -> int:
    """How many posts an author has."""
    return int(await session.fetch_value(f"SELECT COUNT(*) FROM posts WHERE {_OWN}", (author_id,)))  # noqa: S608


async def by_id(session: ReadSession, post_id: int) -> Post | None:
    """A post that is not deleted, as it is cached."""
    return await session.fetch_one(f"SELECT {_POST} {_BY_ID}", (post_id,), Post)


async def detail(session: ReadSession, post_id: int) -> PostDetail | None:
    """A post that is not deleted."""
    return await session.fetch_one(f"SELECT {_POST}, posts.view_count {_BY_ID}", (post_id,), PostDetail)


async def count_views(session: WriteSession, post_id: int, more: int) -> int:
    """Add views; the new number, 0 when there is no such post."""
    return await session.insert(_COUNT_VIEWS, (more, post_id))


async def insert(session: WriteSession, author_id: int, post: PostCreate) -> int:
    """A new post; its id."""
    return await session.insert(_INSERT, (author_id, post.board_type, post.title, post.content))


async def update(session: WriteSession, post_id: int, author: Principal, changes: PostUpdate) -> bool:
    """Change the author's post; False when there is none, or its board is for administrators only."""
    args = (changes.board_type, changes.title, changes.content, post_id, author.user_id, author.is_admin)
    return bool(await session.execute(_UPDATE, args))


async def delete(session: WriteSession, post_id: int, author_id: int | None) -> bool:
    """Delete the author's post, or (None) anyone's; False when there is none."""
    return bool(await session.execute(_DELETE, (post_id, author_id)))


def _found(query: PostQuery, plan: Plan, indexed: bool, *, hint: str = "") -> Sql:
    """FROM and WHERE of a list. All words of the keyword must occur in title or content."""
    source, words = search_sql.source(POSTS, plan), search_sql.condition(POSTS, plan, indexed=indexed)
    condition = where(words, given("posts.board_type = %s", query.board_type))
    return Sql(f"FROM {source.text}{hint} WHERE {condition.text}", (*source.args, *condition.args))
