"""Statements about likes. Only what the caller can see can be liked."""

from msgspec import Struct

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.builds import queries as builds
from jiucom.domains.comments import queries as comments
from jiucom.domains.likes.schemas import Like, TargetType
from jiucom.domains.posts import queries as posts
from jiucom.domains.reviews import queries as reviews

# FROM and WHERE of each kind: its id, then (for builds, of which some are private) the caller's.
_SEEN = {
    TargetType.POST: f"posts WHERE posts.id = %s AND {posts.VISIBLE}",
    TargetType.COMMENT: (
        f"comments JOIN posts ON posts.id = comments.post_id WHERE comments.id = %s AND {comments.VISIBLE}"
    ),
    TargetType.REVIEW: (
        f"reviews JOIN parts ON parts.id = reviews.part_id WHERE reviews.id = %s AND {reviews.VISIBLE}"
    ),
    TargetType.BUILD: (f"builds WHERE builds.id = %s AND {builds.VISIBLE}"),
}
_TABLES = {
    TargetType.POST: "posts",
    TargetType.COMMENT: "comments",
    TargetType.REVIEW: "reviews",
    TargetType.BUILD: "builds",
}
# The id of the post whose caches show the counter.
_POSTS = {TargetType.POST: "posts.id", TargetType.COMMENT: "comments.post_id"}

_LIKED = "SELECT 1 FROM content_likes WHERE user_id = %s AND target_type = %s AND target_id = %s"

_INSERT = "INSERT INTO content_likes (user_id, target_type, target_id) VALUES (%s, %s, %s)"

_DELETE = "DELETE FROM content_likes WHERE user_id = %s AND target_type = %s AND target_id = %s"


class Target(Struct, frozen=True):
    """The counter of a target, and the post whose caches show it."""

    like_count: int
    post_id: int | None


async def state(session: ReadSession, kind: TargetType, target_id: int, user_id: int) -> Like | None:
    """The state for a user (0: none); None when the target does not exist."""
    target = await session.fetch_one(_select(kind), _args(kind, target_id, user_id), Target)
    if target is None:
        return None
    liked = user_id and await session.fetch_value(_LIKED, (user_id, kind, target_id))
    return Like(liked=bool(liked), like_count=target.like_count)


async def lock(session: WriteSession, kind: TargetType, target_id: int, user_id: int) -> Target | None:
    """The target, locked before anything else, so that toggles of one target wait for each other without deadlocks."""
    sql = f"{_select(kind)} FOR UPDATE OF {_TABLES[kind]}"
    return await session.fetch_one(sql, _args(kind, target_id, user_id), Target)


async def delete(session: WriteSession, kind: TargetType, target_id: int, user_id: int) -> bool:
    """Take a like back; False when there was none."""
    return bool(await session.execute(_DELETE, (user_id, kind, target_id)))


async def insert(session: WriteSession, kind: TargetType, target_id: int, user_id: int) -> None:
    """A new like."""
    await session.insert(_INSERT, (user_id, kind, target_id))


async def count(session: WriteSession, kind: TargetType, target_id: int, change: int) -> None:
    """Change the target's counter."""
    table = _TABLES[kind]
    sql = f"UPDATE {table} SET like_count = GREATEST(like_count + %s, 0) WHERE id = %s"  # noqa: S608
    await session.execute(sql, (change, target_id))


def _select(kind: TargetType) -> str:
    return f"SELECT {_TABLES[kind]}.like_count, {_POSTS.get(kind, 'NULL')} AS post_id FROM {_SEEN[kind]}"  # noqa: S608


def _args(kind: TargetType, target_id: int, user_id: int) -> tuple[int, ...]:
    return (target_id, user_id) if kind is TargetType.BUILD else (target_id,)
