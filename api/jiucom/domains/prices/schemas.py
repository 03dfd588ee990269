"""Requests and answers of prices."""

from datetime import date, datetime
from typing import Annotated

from msgspec import Meta

from jiucom.domains.parts.schemas import PartCategory, Won
from jiucom.web import Id, Schema

MAX_ALERTS = 500
MAX_DEALS = 100

Period = Annotated[str, Meta(max_length=20, examples=["30d"])]


class PartRef(Schema, frozen=True, kw_only=True):
    """The part as a query parameter, for older clients."""

    part_id: Id


class HistoryQuery(Schema, frozen=True, kw_only=True):
    """How far back: days, with or without a `d`, 1 to 365. Anything else counts as 30."""

    period: Period | None = None


class PartHistoryQuery(HistoryQuery, frozen=True, kw_only=True):
    """The part and how far back."""

    part_id: Id


class DealQuery(Schema, frozen=True, kw_only=True):
    """Which deals."""

    category: PartCategory | None = None
    size: Annotated[int, Meta(ge=1, le=MAX_DEALS, examples=[20])] = 20


class SellerPrice(Schema, frozen=True):
    """An offer in stock."""

    seller_id: int
    seller_name: Annotated[str, Meta(examples=["다나와"])]
    site_url: Annotated[str, Meta(examples=["https://www.danawa.com"])]
    price: Won
    product_url: str | None
    available: bool


class Comparison(Schema, frozen=True):
    """Offers of a part in stock, cheapest first. Lowest and highest price of these offers; null without any."""

    part_id: int
    part_name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    lowest_price: Won | None
    highest_price: Won | None
    prices: list[SellerPrice]


class PricePoint(Schema, frozen=True):
    """The prices of one day, over all sellers; under two names each, for the API and for the web client's chart."""

    date: date
    lowest_price: Won
    highest_price: Won
    average_price: Won
    min_price: Won
    max_price: Won
    avg_price: Won


class History(Schema, frozen=True):
    """Days with prices, oldest first; `period` as requested."""

    part_id: int
    part_name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    period: Period
    history: list[PricePoint]


class Deal(Schema, frozen=True):
    """A part that costs less today than its average of 30 days; `discount_rate` in percent."""

    part_id: int
    part_name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    category: PartCategory
    manufacturer: str
    image_url: str | None
    lowest_price: Won
    average_price: Won
    discount_amount: Won
    discount_rate: Annotated[float, Meta(gt=-1, le=100, examples=[8.2])]


class AlertRequest(Schema, frozen=True):
    """Notify the user when the part costs this or less."""

    part_id: Id
    target_price: Annotated[int, Meta(gt=0, le=2_147_483_647, examples=[420000])]


class Alert(Schema, frozen=True):
    """A price alert. It fires once and is inactive afterwards."""

    id: int
    part_id: int
    part_name: Annotated[str, Meta(examples=["AMD Ryzen 7 7800X3D"])]
    target_price: Won
    current_lowest_price: Won | None
    active: bool
    triggered: bool
    created_at: datetime
