"""Requests and answers of parts."""

from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from jiucom.web import NotBlank, PageQuery, Schema


class PartCategory(StrEnum):
    """In the order of `GET /parts/categories`."""

    CPU = "CPU"
    GPU = "GPU"
    RAM = "RAM"
    MOTHERBOARD = "MOTHERBOARD"
    SSD = "SSD"
    HDD = "HDD"
    POWER_SUPPLY = "POWER_SUPPLY"
    CASE = "CASE"
    COOLER = "COOLER"
    MONITOR = "MONITOR"
    KEYBOARD = "KEYBOARD"
    MOUSE = "MOUSE"
    ETC = "ETC"

    @classmethod
    def _missing_(cls, value: object) -> "PartCategory | None":
        """The web client sends PSU for a power supply."""
        return cls.POWER_SUPPLY if value == "PSU" else None


# Specifications as stored: a JSON object, passed on without decoding.
SpecsJson = Annotated[
    msgspec.Raw, Meta(extra_json_schema={"type": ["object", "null"], "examples": [{"socket": "AM5"}]})
]

# MySQL's INT.
Won = Annotated[int, Meta(ge=0, le=2_147_483_647, examples=[449000])]


class PartQuery(PageQuery, frozen=True, kw_only=True):
    """Filters and order of the list."""

    keyword: Annotated[str, Meta(max_length=100, examples=["RTX 4070"])] | None = None
    category: PartCategory | None = None
    min_price: Won | None = None
    max_price: Won | None = None
    # popular, price_asc, price_desc, name_asc, name_desc, latest; others count as not given.
    sort: Annotated[str, Meta(max_length=30, examples=["popular"])] | None = None


class PartSearchQuery(PartQuery, frozen=True, kw_only=True):
    """The list with a required keyword."""

    keyword: Annotated[str, NotBlank, Meta(max_length=100, examples=["RTX 4070"])]


class TopQuery(Schema, frozen=True, kw_only=True):
    """The most popular parts, of a category or of all."""

    category: PartCategory | None = None
    size: Annotated[int, Meta(ge=1, le=100, examples=[10])] = 10


class PartItem(Schema, frozen=True):
    """A part in a list."""

    id: int
    name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    category: PartCategory
    manufacturer: Annotated[str, Meta(examples=["AMD"])]
    image_url: str | None
    lowest_price: Won | None
    highest_price: Won | None
    specs: SpecsJson | None


class RankedPart(PartItem, frozen=True):
    """A part with counts of favourites and reviews, and its rank (1 is the most popular)."""

    favorite_count: int
    review_count: int
    average_rating: Annotated[float, Meta(ge=1, le=5, examples=[4.5])] | None
    rank: int


class Offer(Schema, frozen=True):
    """The offer of one seller."""

    id: int
    seller_name: Annotated[str, Meta(examples=["다나와"])]
    seller_url: Annotated[str, Meta(examples=["https://www.danawa.com"])]
    price: Won
    product_url: str | None
    available: bool


class Part(PartItem, frozen=True):
    """A part as it is stored."""

    model_number: str | None


class PartDetail(Part, frozen=True):
    """A part with its offers, cheapest first."""

    prices: list[Offer]
