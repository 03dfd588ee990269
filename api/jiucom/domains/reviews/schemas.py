"""Requests and answers of reviews."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from jiucom.web import Id, NotBlank, PageQuery, Schema

Rating = Annotated[int, Meta(ge=1, le=5, examples=[5])]
Content = Annotated[str, NotBlank, Meta(max_length=2000, examples=["조용하고 발열이 적습니다."])]


class ReviewQuery(PageQuery, frozen=True, kw_only=True):
    """Reviews of one part, or of all."""

    part_id: Id | None = None


class ReviewOfPart(Schema, frozen=True):
    """A new review of the part in the path."""

    rating: Rating
    content: Content


class ReviewCreate(Schema, frozen=True):
    """A new review."""

    part_id: Id
    rating: Rating
    content: Content


class ReviewUpdate(Schema, frozen=True):
    """Changes of a review; what is absent stays."""

    rating: Rating | None = None
    content: Content | None = None


class Review(Schema, frozen=True):
    """A review."""

    id: int
    part_id: int
    part_name: str
    author_id: int
    author_nickname: str
    rating: int
    content: str
    like_count: int
    created_at: datetime
    updated_at: datetime
