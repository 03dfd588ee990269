"""The shape of a seed. Rows are referred to by their position, counted from 1, which becomes their id.

Ages are hours before loading. Values derived from other rows (lowest prices, totals, counters) have no field here.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple


class User(NamedTuple):
    """An account. All share the password of `load.PASSWORD`."""

    email: str
    nickname: str
    role: str
    age: float


class Seller(NamedTuple):
    """A shop; the score goes from 0 to 5."""

    name: str
    site_url: str
    reliability_score: float


class Part(NamedTuple):
    """A part. `prices` are its list prices (lowest, highest, in KRW), used while no seller has it in stock."""

    name: str
    category: str
    manufacturer: str
    model_number: str
    prices: tuple[int, int]
    specs: dict[str, Any]


class Offer(NamedTuple):
    """The offer of a seller for a part."""

    part: int
    seller: int
    price: int
    available: bool = True


class PricePoint(NamedTuple):
    """The price of a seller some days ago."""

    part: int
    seller: int
    days_ago: int
    price: int


class Build(NamedTuple):
    """A public list of parts, one piece of each."""

    owner: int
    name: str
    description: str
    parts: tuple[int, ...]
    views: int
    age: float
    template: bool = False


class Post(NamedTuple):
    """A post of a board."""

    author: int
    board_type: str
    title: str
    content: str
    views: int
    age: float


class Comment(NamedTuple):
    """A comment; `parent` is the position of the comment it replies to."""

    post: int
    author: int
    content: str
    age: float
    parent: int | None = None


class Review(NamedTuple):
    """A review of a part, 1 to 5 stars."""

    author: int
    part: int
    rating: int
    content: str
    age: float


class Favorite(NamedTuple):
    """A part in a user's list."""

    user: int
    part: int


class Like(NamedTuple):
    """A like of a post, comment, review or build."""

    user: int
    target_type: str
    target: int


@dataclass(frozen=True, slots=True)
class Seed:
    """All rows of a seed."""

    users: tuple[User, ...]
    sellers: tuple[Seller, ...]
    parts: tuple[Part, ...]
    offers: tuple[Offer, ...]
    history: tuple[PricePoint, ...]
    builds: tuple[Build, ...]
    posts: tuple[Post, ...]
    comments: tuple[Comment, ...]
    reviews: tuple[Review, ...]
    favorites: tuple[Favorite, ...]
    likes: tuple[Like, ...]
