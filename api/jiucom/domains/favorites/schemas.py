"""Requests and answers of favourites."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from jiucom.domains.parts.schemas import PartCategory, Won
from jiucom.web import Id, Schema


class PartChoice(Schema, frozen=True):
    """The part as a query parameter."""

    part_id: Id


class Favorite(Schema, frozen=True):
    """A favourite part."""

    id: int
    part_id: int
    part_name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    category: PartCategory
    lowest_price: Won | None
    created_at: datetime
    favorite: bool
