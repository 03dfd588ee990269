"""What is said about comments."""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from jiucom.web import Id, NotBlank, Paged, PageQuery, Schema

# In place of what is gone from a thread that goes on.
DELETED_TEXT = "삭제된 댓글입니다."
DELETED_NAME = "(삭제됨)"

Content = Annotated[str, NotBlank, Meta(max_length=10_000, examples=["바이오스를 올리니 나아졌습니다."])]


class CommentQuery(PageQuery, frozen=True, kw_only=True):
    """Which threads, and which of their replies: those after the id that the last answer named."""

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
    """One page of threads, oldest first; the totals count threads. `currentPage` is `page` once more.

    `replies_after` is null where every reply is here. Else the same page, asked for with it, has the same threads with
    the replies that follow.
    """

    comments: list[Comment]
    current_page: int
    replies_after: int | None

    @classmethod
    def of(cls, comments: list[Comment], query: PageQuery, total: int, replies_after: int | None) -> "CommentPage":
        """The page that `query` asked for, of `total` threads."""
        return cls.at(query, total, comments=comments, current_page=query.page, replies_after=replies_after)
