"""Requests and answers of the user's own account."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta

from jiucom.auth.principal import Role
from jiucom.domains.auth.schemas import NewPassword, Nickname, Password
from jiucom.web import Schema

# Used as an image's source: no other schemes. An empty text removes the image.
ImageUrl = Annotated[
    str, Meta(pattern=r"^(https?://|/|$)", max_length=500, examples=["https://www.jiucom.com/images/me.png"])
]


class Profile(Schema, frozen=True):
    """An account as its owner sees it."""

    id: int
    email: Annotated[str, Meta(examples=["gamer@jiucom.com"])]
    nickname: Annotated[str, Meta(examples=["게이머김"])]
    profile_image_url: str | None
    role: Role
    email_verified_at: datetime | None
    created_at: datetime


class ProfileUpdate(Schema, frozen=True):
    """Changes of a profile; what is absent stays."""

    nickname: Nickname | None = None
    profile_image_url: ImageUrl | None = None


class PasswordChange(Schema, frozen=True):
    """The present password and the new one."""

    current_password: Password
    new_password: NewPassword
