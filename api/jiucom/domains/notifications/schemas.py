"""Notifications as clients see them."""

from datetime import datetime
from typing import Literal

from jiucom.web import Schema

NotificationType = Literal["PRICE_DROP", "PRICE_ALERT", "COMMENT_REPLY", "BUILD_SHARE", "SYSTEM"]


class Notification(Schema, frozen=True):
    """One notification; `referenceId` is the id that `linkUrl` ends with."""

    id: int
    type: NotificationType
    title: str
    message: str
    link_url: str | None
    reference_id: int | None
    read: bool
    created_at: datetime


class UnreadCount(Schema, frozen=True):
    """How many are unread; `count` is the same number, for the web client."""

    unread_count: int
    count: int
