"""Pages: their query parameters and their shape."""

from collections.abc import Sequence
from typing import Annotated, Any, Generic, Self, TypeVar

from msgspec import Meta

from jiucom.web.schema import InvalidFieldError, Schema

T = TypeVar("T")

MAX_SIZE = 100
# Skipping rows costs as much as reading them.
MAX_DEPTH = 10_000


class PageQuery(Schema, frozen=True, kw_only=True):
    """Query parameters of a list; inherit from it to add filters (`frozen=True, kw_only=True`)."""

    page: Annotated[int, Meta(ge=0, le=MAX_DEPTH, examples=[0])] = 0
    size: Annotated[int, Meta(ge=1, le=MAX_SIZE, examples=[20])] = 20

    def __post_init__(self) -> None:
        if self.page * self.size > MAX_DEPTH:
            raise InvalidFieldError("page", f"page * size는 {MAX_DEPTH} 이하여야 합니다")

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return self.page * self.size


class Paged(Schema, frozen=True, kw_only=True):
    """The position of a page; `number` equals `page`, for clients that know Spring's pages.

    `total_pages` and `last` count the pages that can be requested: of longer lists, those within MAX_DEPTH.
    """

    page: int
    number: int
    size: int
    total_elements: int
    total_pages: int
    first: bool
    last: bool

    @classmethod
    def at(cls, query: PageQuery, total: int, **fields: Any) -> Self:
        """The page of `query`, of `total` rows; `fields` hold its content."""
        pages = min(-(-total // query.size), MAX_DEPTH // query.size + 1)
        return cls(
            page=query.page,
            number=query.page,
            size=query.size,
            total_elements=total,
            total_pages=pages,
            first=query.page == 0,
            last=query.page >= pages - 1,
            **fields,
        )


class Page(Paged, Generic[T], frozen=True, kw_only=True):
    """One page of a list."""

    content: list[T]

    @classmethod
    def of(cls, content: Sequence[T], query: PageQuery, total: int) -> "Page[T]":
        """The page of `query`, of `total` rows."""
        return cls.at(query, total, content=list(content))

    @staticmethod
    def end(content: Sequence[T], query: PageQuery) -> int | None:
        """The total, if the page is not full and so ends the list; None where the rows must be counted."""
        if len(content) < query.size and (content or query.page == 0):
            return query.offset + len(content)
        return None
