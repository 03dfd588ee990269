"""Numbers for administrators."""

import datetime
from typing import Annotated

from msgspec import Meta

from jiucom.auth.principal import Role
from jiucom.domains.admin_users.schemas import UserStatus
from jiucom.web import InvalidFieldError, Schema

MAX_DAYS = 366
DEFAULT_DAYS = 30
# Within the range of dates of MySQL and Python.
FIRST_DAY, LAST_DAY = datetime.date(2000, 1, 1), datetime.date(2999, 12, 31)


class RecentUser(Schema, frozen=True):
    """An account, as the dashboard lists it."""

    id: int
    email: str
    nickname: str
    role: Role
    status: UserStatus
    created_at: datetime.datetime


class Totals(Schema, frozen=True):
    """Rows that are not deleted."""

    total_users: int
    today_signups: int
    total_builds: int
    total_parts: int
    total_posts: int


class Dashboard(Totals, frozen=True, kw_only=True):
    """The totals and the newest accounts."""

    recent_users: list[RecentUser]


class DailyQuery(Schema, frozen=True, kw_only=True):
    """Both days included; without them the last 30 up to today."""

    start: Annotated[datetime.date | None, Meta(examples=["2026-02-01"])] = None
    end: Annotated[datetime.date | None, Meta(examples=["2026-02-28"])] = None

    def __post_init__(self) -> None:
        for field, day in (("start", self.start), ("end", self.end)):
            if day is not None and not FIRST_DAY <= day <= LAST_DAY:
                raise InvalidFieldError(field, f"{FIRST_DAY}부터 {LAST_DAY}까지의 날짜여야 합니다")
        if self.start is None or self.end is None:
            return
        if self.start > self.end:
            raise InvalidFieldError("start", "end보다 늦을 수 없습니다")
        if (self.end - self.start).days >= MAX_DAYS:
            raise InvalidFieldError("start", f"기간은 {MAX_DAYS}일 이하여야 합니다")


class DailyStats(Schema, frozen=True):
    """Rows made on one day (in the zone of the settings), also those deleted since."""

    date: datetime.date
    signups: int
    posts: int
    comments: int
    reviews: int
    builds: int
