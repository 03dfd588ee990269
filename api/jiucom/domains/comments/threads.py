"""Builds threads from rows. Pure functions."""

from collections.abc import Iterable, Sequence

from jiucom.domains.comments.schemas import DELETED_NAME, DELETED_TEXT, Comment, Row


def build(roots: Sequence[Row], replies: Sequence[Row], *, complete: bool = True) -> list[Comment]:
    """The threads of `roots`; `replies` are everything below them (and perhaps below others), ordered by id.

    A deleted comment stays as a placeholder if it has replies, and is left out otherwise. If the replies are not
    `complete` (more may follow), it stays.
    """
    below: dict[int | None, list[Row]] = {}
    for reply in replies:
        below.setdefault(reply.root_id, []).append(reply)
    shown = _shown if complete else list
    return [_comment(root, [_comment(reply) for reply in shown(below.get(root.id, ()))]) for root in roots]


def single(row: Row) -> Comment:
    """A single comment, the answer to a write."""
    return _comment(row)


def _shown(replies: Iterable[Row]) -> list[Row]:
    """The replies that are not deleted, and their parents. A reply has a higher id than its parent, so it goes backwards."""
    needed: set[int | None] = set()
    shown = []
    for reply in sorted(replies, key=lambda each: each.id, reverse=True):
        if not reply.deleted or reply.id in needed:
            needed.add(reply.parent_id)
            shown.append(reply)
    return shown[::-1]


def _comment(row: Row, replies: Sequence[Comment] = ()) -> Comment:
    return Comment(
        id=row.id,
        content=DELETED_TEXT if row.deleted else row.content,
        author_id=None if row.deleted else row.author_id,
        author_nickname=DELETED_NAME if row.deleted else row.author_nickname,
        parent_id=row.parent_id,
        like_count=0 if row.deleted else row.like_count,
        created_at=row.created_at,
        updated_at=row.updated_at,
        deleted=row.deleted,
        replies=list(replies),
    )
