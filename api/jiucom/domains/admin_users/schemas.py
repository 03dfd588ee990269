"""Accounts, for administrators."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from jiucom.auth.principal import Role
from jiucom.web import PageQuery, Schema

UserStatus = Literal["ACTIVE", "SUSPENDED", "WITHDRAWN"]


class UserQuery(PageQuery, frozen=True, kw_only=True):
    """Filters of the list."""

    # Part of the address or of the nickname.
    keyword: Annotated[str, Meta(max_length=100, examples=["gamer"])] | None = None
    role: Role | None = None
    status: UserStatus | None = None


class AdminUser(Schema, frozen=True):
    """An account, withdrawn ones without their personal data."""

    id: int
    email: str
    nickname: str
    role: Role
    status: UserStatus
    email_verified_at: datetime | None
    created_at: datetime


class StatusChange(Schema, frozen=True):
    """Suspend an account, or activate it again."""

    status: Literal["ACTIVE", "SUSPENDED"]


class RoleChange(Schema, frozen=True):
    """Another role."""

    role: Role
