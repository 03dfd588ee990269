"""Requests and reports of the administration of parts."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from jiucom.domains.parts.schemas import PartCategory
from jiucom.domains.sellers.schemas import Price, Url
from jiucom.web import Id, InvalidFieldError, OneLine, Schema

MAX_LINES = 20_000

# More than any data sheet; MySQL itself stops at a depth of 100.
_MAX_SPECS_BYTES = 20_000
_MAX_SPECS_DEPTH = 20

Name = Annotated[str, OneLine, Meta(max_length=200, examples=["AMD Ryzen 7 7800X3D"])]
Manufacturer = Annotated[str, OneLine, Meta(max_length=100, examples=["AMD"])]
ModelNumber = Annotated[str, Meta(max_length=100, examples=["7800X3D"])]
ImageUrl = Annotated[str, Meta(max_length=500)]
# An object, or its JSON text, which older clients send.
Specs = (
    dict[str, Any]
    | Annotated[
        str,
        Meta(
            max_length=_MAX_SPECS_BYTES,
            examples=['{"socket": "AM5"}'],
            extra_json_schema={"contentMediaType": "application/json"},
        ),
    ]
)


class PartUpdate(Schema, frozen=True, kw_only=True):
    """Changes of a part: null and absent fields stay as they are, an empty model number or image is removed.

    The prices hold while no seller has the part in stock.
    """

    name: Name | None = None
    category: PartCategory | None = None
    manufacturer: Manufacturer | None = None
    model_number: ModelNumber | None = None
    image_url: ImageUrl | None = None
    specs: Specs | None = None
    lowest_price: Price | None = None
    highest_price: Price | None = None

    def __post_init__(self) -> None:
        if self.specs is not None:
            msgspec.structs.force_setattr(self, "specs", _specs(self.specs))
        if self.lowest_price is not None and self.highest_price is not None and self.lowest_price > self.highest_price:
            raise InvalidFieldError("highestPrice", "최저가 이상이어야 합니다")

    def values(self) -> dict[str, Any]:
        """The values that are given, by the names of their columns."""
        found = ((name, getattr(self, name)) for name in PartUpdate.__struct_fields__)
        return {name: value for name, value in found if value is not None}


class PartCreate(PartUpdate, frozen=True, kw_only=True):
    """A new part."""

    name: Name
    category: PartCategory
    manufacturer: Manufacturer


class Line(PartUpdate, frozen=True, kw_only=True, gc=False):
    """One line of an upload: a part, a seller's offer for it, or both.

    The part is the one with `part_id`, else the one with this category and name, else a new one. gc=False: without
    it, 20,000 lines would make garbage collections long.
    """

    part_id: Id | None = None
    seller_id: Id | None = None
    seller: Annotated[str, Meta(max_length=100, examples=["다나와"])] | None = None
    price: Price | None = None
    product_url: Url | None = None
    available: bool = True

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Fields that are required because of other fields, each with an error text."""
        if self.part_id is None:
            for field in ("name", "category", "manufacturer"):
                if getattr(self, field) is None:
                    yield field, "partId가 없으면 필수 값입니다"
        sold = self.seller_id is not None or self.seller is not None
        if sold and self.price is None:
            yield "price", "판매처가 있으면 필수 값입니다"
        if not sold and self.price is not None:
            yield "seller", "가격이 있으면 필수 값입니다 (또는 sellerId)"


class BulkQuery(Schema, frozen=True, kw_only=True):
    """With `dryRun` nothing is stored; the report says what would be."""

    dry_run: bool = False


class LineError(Schema, frozen=True):
    """An error: the line in the file (of JSON: the position in the array, from 1), the column and a text."""

    line: int
    column: str
    message: str


class BulkReport(Schema, frozen=True):
    """The result of an upload or dry run. With any error nothing is stored; `errors` holds the first hundred."""

    dry_run: bool
    lines: int
    parts_created: int
    parts_updated: int
    listings: int
    error_count: int
    errors: list[LineError]


def _specs(value: dict[str, Any] | str) -> dict[str, Any]:
    """Specifications as an object. Raises InvalidFieldError when they are not one, or too large."""
    if isinstance(value, str):
        try:
            parsed = msgspec.json.decode(value)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise InvalidFieldError("specs", "JSON 객체여야 합니다")
        value = parsed
    if _depth(value) > _MAX_SPECS_DEPTH or len(msgspec.json.encode(value)) > _MAX_SPECS_BYTES:
        raise InvalidFieldError("specs", f"너무 큽니다 (깊이 {_MAX_SPECS_DEPTH}, {_MAX_SPECS_BYTES}바이트 이하)")
    return value


def _depth(value: Any) -> int:
    """How deep arrays and objects are nested; no further than it matters."""
    level, depth = [value], 0
    while level and depth <= _MAX_SPECS_DEPTH:
        inner: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        level, depth = [each for each in inner if isinstance(each, dict | list)], depth + 1
    return depth
