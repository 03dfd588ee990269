"""Requests and answers of builds."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from jiucom.domains.parts.schemas import PartCategory, SpecsJson
from jiucom.rules.compatibility import Severity
from jiucom.web import Id, OneLine, PageQuery, Schema

Name = Annotated[str, OneLine, Meta(max_length=100, examples=["QHD 게이밍 PC"])]
Description = Annotated[str, Meta(max_length=500)]


class BuildQuery(PageQuery, frozen=True, kw_only=True):
    """Order of the list: latest (the default), popular, price_asc, price_desc; others count as not given."""

    sort: Annotated[str, Meta(max_length=30, examples=["latest"])] | None = None


class ChosenPart(Schema, frozen=True):
    """A part of a build as it is asked for."""

    part_id: Id
    quantity: Annotated[int, Meta(ge=1, le=999)] = 1


# A part chosen twice becomes one line.
Parts = Annotated[list[ChosenPart], Meta(min_length=1, max_length=100)]


class BuildCreate(Schema, frozen=True):
    """A new build."""

    name: Name
    parts: Parts
    description: Description | None = None
    is_public: bool = False


class BuildUpdate(Schema, frozen=True):
    """Changes of a build; what is absent stays, `parts` are the whole new list."""

    name: Name | None = None
    parts: Parts | None = None
    description: Description | None = None
    is_public: bool | None = None


class BuildCheck(Schema, frozen=True):
    """Parts to check without saving them."""

    parts: Parts


class BuildItem(Schema, frozen=True):
    """A build in a list; `part_count` counts lines, not pieces."""

    id: int
    name: str
    description: str | None
    total_price: int
    part_count: int
    is_public: bool
    view_count: int
    like_count: int
    owner_nickname: str
    created_at: datetime


class BuildLine(Schema, frozen=True):
    """A part of a build; prices are those of the day when it was added."""

    id: int
    part_id: int
    part_name: str
    category: PartCategory
    manufacturer: str
    image_url: str | None
    specs: SpecsJson | None
    quantity: int
    unit_price: int | None
    line_total: int | None


class CompatibilityFinding(Schema, frozen=True):
    """A finding; `part_ids` are the parts concerned, empty when a part is missing."""

    code: Annotated[str, Meta(examples=["CPU_SOCKET_MISMATCH"])]
    severity: Severity
    part_ids: list[int]
    message: str


class Compatibility(Schema, frozen=True):
    """The findings about parts; `compatible` unless there is an ERROR."""

    compatible: bool
    compatibility_warnings: list[str]
    compatibility_findings: list[CompatibilityFinding]


class BuildDetail(Schema, frozen=True):
    """A whole build."""

    id: int
    name: str
    description: str | None
    total_price: int
    is_public: bool
    view_count: int
    like_count: int
    owner_nickname: str
    owner_id: int
    parts: list[BuildLine]
    compatibility_warnings: list[str]
    compatibility_findings: list[CompatibilityFinding]
    created_at: datetime
    updated_at: datetime


class BuildShare(Schema, frozen=True):
    """The link to a shared build: it works for everyone until it is withdrawn."""

    share_token: str
    share_url: str


class Row(Struct, frozen=True):
    """A build as it is stored, without its parts."""

    id: int
    name: str
    description: str | None
    total_price: int
    is_public: bool
    view_count: int
    like_count: int
    owner_nickname: str
    owner_id: int
    created_at: datetime
    updated_at: datetime
