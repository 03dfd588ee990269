"""Requests and answers of comments."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from jiucom.web import Id, NotBlank, Paged, PageQuery, Schema

# Placeholders for a deleted comment with replies.
DELETED_TEXT = "삭제된 댓글입니다."
DELETED_NAME = "(삭제됨)"

Content = Annotated[str, NotBlank, Meta(max_length=10_000, examples=["바이오스를 올리니 나아졌습니다."])]


class CommentQuery(PageQuery, frozen=True, kw_only=True):
    """The page of threads, and the id after which their replies begin (`repliesAfter` of the last answer)."""

    replies_after: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0


class CommentCreate(Schema, frozen=True):
    """A new comment, or a reply to `parent_id`."""

    content: Content
    parent_id: Id | None = None


class CommentUpdate(Schema, frozen=True):
    """A new text for a comment."""

    content: Content


class Comment(Schema, frozen=True):
    """A comment.

    `replies` are all comments below the first one of a thread, at whatever depth, oldest first: `parent_id` says to
    which of them each replies. Replies themselves, and single comments, have none (an empty list).
    """

    id: int
    content: str
    author_id: int | None
    author_nickname: str
    parent_id: int | None
    like_count: int
    created_at: datetime
    updated_at: datetime
    deleted: bool = False
    replies: list["Comment"] = msgspec.field(default_factory=list)


class Row(Struct, frozen=True, rename="camel"):
    """A comment as it is stored."""

    id: int
    content: str
    author_id: int
    author_nickname: str
    parent_id: int | None
    root_id: int | None
    like_count: int
    created_at: datetime
    updated_at: datetime
    deleted: bool
    post_id: int


class CommentPage(Paged, frozen=True, kw_only=True):
    """One page of threads, oldest first; the totals count threads. `currentPage` equals `page`.

    `replies_after` is null when all replies are included. Otherwise the same page, requested with it, has the same threads
    with the following replies.
    """

    comments: list[Comment]
    current_page: int
    replies_after: int | None

    @classmethod
    def of(cls, comments: list[Comment], query: PageQuery, total: int, replies_after: int | None) -> "CommentPage":
        """The page of `query`, of `total` threads."""
        return cls.at(query, total, comments=comments, current_page=query.page, replies_after=replies_after)
