"""Requests and answers of searches."""

from typing import Annotated, Literal, get_args

from msgspec import Meta

from jiucom.domains.parts.schemas import PartCategory, Won
from jiucom.domains.posts.schemas import BoardType
from jiucom.web import Schema
from jiucom.web.schema import INT64_MAX

Kind = Literal["PART", "POST", "BUILD"]

# Clients that send `page` split the hits into pages themselves: they get the same hits for every page.
PAGED_HITS = 50

Keyword = Annotated[str, Meta(max_length=100, examples=["RTX 4070"])]


class SearchQuery(Schema, frozen=True, kw_only=True):
    """The query. `type` (PART, POST or BUILD, in any case) leaves the other kinds empty; other texts mean all."""

    keyword: Keyword
    type: Annotated[str, Meta(max_length=30, examples=["ALL"])] = "ALL"
    page: Annotated[int, Meta(ge=0, le=INT64_MAX)] | None = None
    size: Annotated[int, Meta(ge=1, le=100, examples=[10])] = 10

    def wants(self, kind: Kind) -> bool:
        """Whether hits of this kind are asked for."""
        asked = self.type.upper()
        return asked == kind or asked not in get_args(Kind)

    @property
    def limit(self) -> int:
        """Hits per kind."""
        return self.size if self.page is None else PAGED_HITS


class SuggestQuery(Schema, frozen=True, kw_only=True):
    """The beginning of a name."""

    keyword: Keyword


class PartHit(Schema, frozen=True):
    """A part that was found."""

    id: int
    name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    category: PartCategory
    manufacturer: str
    lowest_price: Won | None
    image_url: str | None


class PostHit(Schema, frozen=True):
    """A post that was found."""

    id: int
    title: str
    board_type: BoardType
    author_nickname: str
    view_count: int
    like_count: int
    comment_count: int


class BuildHit(Schema, frozen=True):
    """A public build that was found; its owner under the names of two generations of clients."""

    id: int
    name: str
    description: str | None
    total_price: int
    like_count: int
    user_nickname: str
    owner_nickname: str


class Hits(Schema, frozen=True):
    """The hits of each kind."""

    parts: list[PartHit]
    posts: list[PostHit]
    builds: list[BuildHit]


class Suggestions(Schema, frozen=True):
    """Texts that begin with the keyword; `suggestions` holds both lists, without duplicates."""

    part_names: list[str]
    post_titles: list[str]
    suggestions: list[str]
