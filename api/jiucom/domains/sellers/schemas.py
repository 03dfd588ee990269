"""Requests and answers of sellers and their products."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from jiucom.domains.parts.schemas import PartCategory, Won
from jiucom.web import Id, OneLine, Schema

MAX_SELLERS = 1000

Url = Annotated[
    str, Meta(max_length=500, pattern=r"^https?://[^\s\x00-\x1f\x85/]", examples=["https://www.danawa.com"])
]
# Prices start at 1.
Price = Annotated[int, Meta(ge=1, le=2_147_483_647, examples=[449000])]


class SellerStatus(StrEnum):
    """PENDING until an administrator decides."""

    PENDING = "PENDING"
    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"
    SUSPENDED = "SUSPENDED"
    REJECTED = "REJECTED"


class Seller(Schema, frozen=True):
    """A shop; `url` equals `siteUrl`, for the web client."""

    id: int
    name: Annotated[str, Meta(examples=["다나와"])]
    site_url: str
    url: str
    logo_url: str | None
    status: SellerStatus
    reliability_score: Annotated[float, Meta(ge=0, le=5, examples=[4.8])]


class SellerDetail(Seller, frozen=True):
    """A shop, and how many parts it has in stock."""

    product_count: int
    created_at: datetime


class RegisterRequest(Schema, frozen=True):
    """An application for a shop."""

    name: Annotated[str, OneLine, Meta(max_length=100, examples=["지우컴"])]
    site_url: Url
    logo_url: Url | None = None


class NewProduct(Schema, frozen=True):
    """A new offer of the shop."""

    part_id: Id
    price: Price
    product_url: Url | None = None
    available: bool = True


class NewPrice(Schema, frozen=True):
    """A new price; other given fields change too."""

    price: Price
    product_url: Url | None = None
    available: bool | None = None


class Product(Schema, frozen=True):
    """An offer of the shop, and the lowest price of all shops."""

    id: int
    part_id: int
    part_name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    category: PartCategory
    price: Won
    product_url: str | None
    available: bool
    lowest_price: Won | None
    cheapest: bool
    created_at: datetime
    updated_at: datetime


class Stats(Schema, frozen=True):
    """Statistics of a shop; `cheapestCount` counts parts that no other shop offers cheaper. Days and changes are of 30 days."""

    seller_id: int
    name: str
    status: SellerStatus
    reliability_score: float
    product_count: int
    available_count: int
    cheapest_count: int
    average_price: Won | None
    price_days: int
    changed_parts: int
