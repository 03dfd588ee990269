"""Statements about comments. Comments of a deleted post are not there."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.authors import NICKNAME
from jiucom.domains.comments.schemas import Row
from jiucom.domains.posts import queries as posts
from jiucom.web import PageQuery

_ROW = f"""
    comments.id, comments.content, comments.user_id, {NICKNAME}, comments.parent_id, comments.root_id,
    comments.like_count, comments.created_at, comments.updated_at, comments.is_deleted, comments.post_id
"""

# Exported: likes use the same condition. It joins posts.
VISIBLE = f"comments.is_deleted = FALSE AND {posts.VISIBLE}"

_POST_AND_AUTHOR = """
    JOIN posts ON posts.id = comments.post_id AND posts.is_deleted = FALSE
    JOIN users ON users.id = comments.user_id
"""

_JOINED = f"comments {_POST_AND_AUTHOR}"

# First comments of threads with at least one comment that is not deleted.
_ROOTS = """
    comments.post_id = %s AND comments.root_id IS NULL AND (
        comments.is_deleted = FALSE OR EXISTS (
            SELECT 1 FROM comments AS below WHERE below.root_id = comments.id AND below.is_deleted = FALSE
        )
    )
"""

# The inner query uses the index and stops at the end of the page; with the joins in it, all threads would be read and sorted.
_PAGE = f"""
SELECT {_ROW}
FROM (SELECT comments.id FROM comments WHERE {_ROOTS} ORDER BY comments.id LIMIT %s OFFSET %s) AS page
JOIN comments USING (id) {_POST_AND_AUTHOR}
ORDER BY comments.id
"""  # noqa: S608

_COUNT = f"SELECT COUNT(*) FROM {_JOINED} WHERE {_ROOTS}"  # noqa: S608

# Limits of one answer: replies, and bytes of their text. A further request gets the rest.
MAX_BELOW = 2000
MAX_TEXT = 512 * 1024

# A range of ids instead of a list: one prepared statement for every page size. Deleted comments have no text in the answer.
_BELOW = f"""
SELECT {_ROW}
FROM (
    SELECT id, SUM(size) OVER (ORDER BY id) - size AS before_it
    FROM (
        SELECT id, IF(is_deleted, 0, LENGTH(content)) AS size FROM comments
        WHERE post_id = %s AND root_id BETWEEN %s AND %s AND id > %s ORDER BY id LIMIT {MAX_BELOW}
    ) AS following
) AS measured
JOIN comments USING (id) {_POST_AND_AUTHOR}
WHERE measured.before_it < {MAX_TEXT} ORDER BY comments.id
"""  # noqa: S608

_BY_ID = f"SELECT {_ROW} FROM {_JOINED} WHERE comments.id = %s AND {VISIBLE}"  # noqa: S608

# With the columns of the post that notifications need.
_WRITTEN = f"SELECT {_ROW}, posts.title, posts.user_id FROM {_JOINED} WHERE comments.id = %s"  # noqa: S608

_POST_EXISTS = "SELECT 1 FROM posts WHERE id = %s AND is_deleted = FALSE"

# Every transaction locks the post's row first, so that transactions waiting for it hold no other locks (no deadlocks).
_COUNT_COMMENT = "UPDATE posts SET comment_count = comment_count + 1 WHERE id = %s AND is_deleted = FALSE"

_UNCOUNT_COMMENT = (
    "UPDATE posts SET comment_count = GREATEST(comment_count, 1) - 1 WHERE id = %s AND is_deleted = FALSE"
)

_INSERT = "INSERT INTO comments (post_id, user_id, parent_id, root_id, content) VALUES (%s, %s, %s, %s, %s)"

_UPDATE = """
UPDATE comments SET content = %s, updated_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = %s AND is_deleted = FALSE
"""

_DELETE = """
UPDATE comments SET is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = COALESCE(%s, user_id) AND is_deleted = FALSE
"""


class Written(Row, frozen=True):
    """A new comment, and the title and author of its post for notifications."""

    post_title: str
    post_author_id: int


async def page(session: ReadSession, post_id: int, query: PageQuery) -> list[Row]:
    """The first comments of one page of threads, oldest first."""
    return await session.fetch_all(_PAGE, (post_id, query.size, query.offset), Row)


async def count(session: ReadSession, post_id: int) -> int:
    """How many threads a post has."""
    return int(await session.fetch_value(_COUNT, (post_id,)))


async def below(session: ReadSession, post_id: int, roots: list[Row], after: int) -> tuple[list[Row], int | None]:
    """The replies below the first comments of a page, deleted ones too, oldest first, beginning after the id `after`.

    If a limit was reached, also the last id, to continue from; else None.
    """
    if not roots:
        return [], None
    rows = await session.fetch_all(_BELOW, (post_id, roots[0].id, roots[-1].id, after), Row)
    text = sum(len(row.content.encode()) for row in rows if not row.deleted)
    return rows, rows[-1].id if len(rows) == MAX_BELOW or text >= MAX_TEXT else None


async def by_id(session: ReadSession, comment_id: int) -> Row | None:
    """A comment that is not deleted."""
    return await session.fetch_one(_BY_ID, (comment_id,), Row)


async def written(session: ReadSession, comment_id: int) -> Written | None:
    """A comment that was just written."""
    return await session.fetch_one(_WRITTEN, (comment_id,), Written)


async def post_exists(session: ReadSession, post_id: int) -> bool:
    """Whether there is such a post that is not deleted."""
    return await session.fetch_value(_POST_EXISTS, (post_id,)) is not None


async def count_comment(session: WriteSession, post_id: int) -> bool:
    """Increase the post's number of comments; False when there is no such post."""
    return bool(await session.execute(_COUNT_COMMENT, (post_id,)))


async def uncount_comment(session: WriteSession, post_id: int) -> None:
    """Decrease the post's number of comments."""
    await session.execute(_UNCOUNT_COMMENT, (post_id,))


async def insert(session: WriteSession, post_id: int, author_id: int, content: str, parent: Row | None) -> int:
    """A new comment, below `parent` where there is one; its id."""
    above = (parent.id, parent.root_id or parent.id) if parent else (None, None)
    return await session.insert(_INSERT, (post_id, author_id, *above, content))


async def update(session: WriteSession, comment_id: int, author_id: int, content: str) -> bool:
    """Change the text of the author's comment; False when there is none."""
    return bool(await session.execute(_UPDATE, (content, comment_id, author_id)))


async def delete(session: WriteSession, comment_id: int, author_id: int | None) -> bool:
    """Delete the author's comment, or (None) anyone's; False when there is none."""
    return bool(await session.execute(_DELETE, (comment_id, author_id)))
