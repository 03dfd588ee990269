"""Threads from rows."""

from datetime import UTC, datetime

from jiucom.domains.comments import threads
from jiucom.domains.comments.schemas import Row

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def row(id: int, parent: int | None = None, root: int | None = None, *, deleted: bool = False) -> Row:
    return Row(id, f"댓글 {id}", 1, "누구", parent, root, 3, NOW, NOW, deleted, 9)


def ids(roots: list[Row], replies: list[Row]) -> list[list[int]]:
    return [[each.id, *(reply.id for reply in each.replies or [])] for each in threads.build(roots, replies)]


def test_replies_of_any_depth_stand_below_their_root() -> None:
    replies = [row(3, 1, 1), row(4, 2, 2), row(5, 3, 1), row(6, 5, 1)]
    assert ids([row(1), row(2)], replies) == [[1, 3, 5, 6], [2, 4]]


def test_deleted_replies_with_replies_are_shown() -> None:
    replies = [row(2, 1, 1, deleted=True), row(3, 2, 1, deleted=True), row(4, 3, 1), row(5, 1, 1, deleted=True)]
    assert ids([row(1)], replies) == [[1, 2, 3, 4]]


def test_a_chain_of_deleted_replies_is_left_out() -> None:
    replies = [row(2, 1, 1, deleted=True), row(3, 2, 1, deleted=True), row(4, 3, 1, deleted=True)]
    assert ids([row(1)], replies) == [[1]]


def test_deleted_replies_stay_while_more_may_follow() -> None:
    (thread,) = threads.build([row(1)], [row(2, 1, 1), row(3, 1, 1, deleted=True)], complete=False)
    assert [reply.id for reply in thread.replies or []] == [2, 3]


def test_replies_of_other_pages_are_left_out() -> None:
    assert ids([row(1)], [row(3, 2, 2)]) == [[1]]


def test_deleted_comments_show_neither_text_nor_author() -> None:
    (gone,) = threads.build([row(1, deleted=True)], [row(2, 1, 1)])
    assert (gone.content, gone.author_id, gone.author_nickname) == ("삭제된 댓글입니다.", None, "(삭제됨)")
    assert (gone.like_count, gone.deleted) == (0, True)
