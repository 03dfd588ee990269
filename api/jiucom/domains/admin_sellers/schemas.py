"""Applications for shops, for administrators."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from jiucom.domains.sellers.schemas import SellerStatus
from jiucom.web import NotBlank, Schema


class Application(Schema, frozen=True):
    """An application for a shop, pending or decided."""

    id: int
    name: Annotated[str, Meta(examples=["지우컴"])]
    site_url: str
    logo_url: str | None
    status: SellerStatus
    rejection_reason: str | None
    user_id: int | None
    user_email: str | None
    user_nickname: str | None
    applied_at: datetime


class Rejection(Schema, frozen=True):
    """The reason, which the applicant gets."""

    reason: Annotated[str, NotBlank, Meta(max_length=255, examples=["사업자 정보를 확인할 수 없습니다."])] | None = None
