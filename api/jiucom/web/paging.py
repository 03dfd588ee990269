"""Pages: how they are asked for and what they look like (contract 8.16)."""

from collections.abc import Sequence
from typing import Annotated, Generic, TypeVar

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


class Page(Schema, Generic[T], frozen=True):
    """One page of a list; `number` is `page` once more, for readers of Spring's pages."""

    content: list[T]
    page: int
    number: int
    size: int
    total_elements: int
    total_pages: int
    first: bool
    last: bool

    @classmethod
    def of(cls, content: Sequence[T], query: PageQuery, total: int) -> "Page[T]":
        """The page that `query` asked for, of `total` rows."""
        pages = -(-total // query.size)
        return cls(
            content=list(content),
            page=query.page,
            number=query.page,
            size=query.size,
            total_elements=total,
            total_pages=pages,
            first=query.page == 0,
            last=query.page >= pages - 1,
        )
