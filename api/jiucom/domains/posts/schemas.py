"""Requests and answers of posts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from jiucom.web import NotBlank, OneLine, PageQuery, Schema


class BoardType(StrEnum):
    """The boards. Read in any case, as links to them are written."""

    FREE = "FREE"
    QNA = "QNA"
    REVIEW = "REVIEW"
    NEWS = "NEWS"
    GUIDE = "GUIDE"

    @classmethod
    def _missing_(cls, value: object) -> "BoardType | None":
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None

    @property
    def official(self) -> bool:
        """Written by administrators only."""
        return self is BoardType.NEWS


Title = Annotated[str, OneLine, Meta(max_length=200, examples=["B650 보드에서 램 설정 질문"])]
Content = Annotated[str, NotBlank, Meta(max_length=10_000, examples=["EXPO를 켜면 부팅이 늦어집니다."])]
Keyword = Annotated[str, Meta(max_length=100, examples=["7800X3D"])]


class PostQuery(PageQuery, frozen=True, kw_only=True):
    """Filters of the list."""

    board_type: BoardType | None = None
    keyword: Keyword | None = None


class PostSearchQuery(PageQuery, frozen=True, kw_only=True):
    """A search over all boards."""

    keyword: Annotated[Keyword, NotBlank]


class PostCreate(Schema, frozen=True):
    """A new post."""

    board_type: BoardType
    title: Title
    content: Content


class PostUpdate(Schema, frozen=True):
    """Changes of a post; what is absent stays."""

    board_type: BoardType | None = None
    title: Title | None = None
    content: Content | None = None


class PostItem(Schema, frozen=True):
    """A post in a list; `content` is its beginning."""

    id: int
    board_type: BoardType
    title: str
    content: str
    author_id: int
    author_nickname: str
    view_count: int
    like_count: int
    comment_count: int
    created_at: datetime


class Post(Schema, frozen=True):
    """A post without its number of views, which changes with every view."""

    id: int
    board_type: BoardType
    title: str
    content: str
    author_id: int
    author_nickname: str
    like_count: int
    comment_count: int
    created_at: datetime
    updated_at: datetime


class PostDetail(Post, frozen=True):
    """A whole post."""

    view_count: int
