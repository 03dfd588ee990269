"""Requests and answers of logins."""

import re
import unicodedata
from typing import Annotated

import msgspec
from msgspec import Meta

from jiucom.domains.authors import WITHDRAWN
from jiucom.web import InvalidFieldError, NotBlank, Schema
from jiucom.web.schema import JOINERS, NAME, PATTERNS

# Lenient, but without characters that have a meaning in a mail header.
_ADDRESS = r"^[^\s\x00-\x1f\x7f@,:;<>()\[\]\"\\]+@[^\s\x00-\x1f\x7f@,:;<>()\[\]\"\\]+(?![\s\S])"
_ADDRESS_LENGTH = 100
# Invisible characters that the database's collation ignores, besides control and format characters.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")

Email = Annotated[str, Meta(pattern=_ADDRESS, max_length=_ADDRESS_LENGTH, examples=["gamer@jiucom.com"])]
NewPassword = Annotated[str, NotBlank, Meta(min_length=8, max_length=50, examples=["correct-horse-8"])]
# Older passwords may break today's rules: only what no password can be is refused.
Password = Annotated[str, NotBlank, Meta(max_length=500, examples=["correct-horse-8"])]
# The name shown for withdrawn accounts is not allowed.
_TAKEN = rf"[\s{JOINERS}]*".join(("", *WITHDRAWN.replace(" ", ""), ""))
_NAME = rf"^(?!{_TAKEN}(?![\s\S])){NAME.removeprefix('^')}"
PATTERNS[_NAME] = "보이는 글자가 있어야 하고, 보이지 않는 문자와 탈퇴한 사용자의 이름은 쓸 수 없습니다"
Nickname = Annotated[str, Meta(pattern=_NAME, min_length=2, max_length=30, examples=["게이머김"])]
Token = Annotated[str, NotBlank, Meta(max_length=2000)]


class Addressed(Schema, frozen=True):
    """With a mail address, in NFKC, so that equal-looking addresses are equal."""

    email: Email

    def __post_init__(self) -> None:
        address = unicodedata.normalize("NFKC", self.email)
        if len(address) > _ADDRESS_LENGTH or not re.search(_ADDRESS, address):
            raise InvalidFieldError("email", "형식이 올바르지 않습니다")
        if _INVISIBLE.search(address) or any(unicodedata.category(char) in ("Cc", "Cf") for char in address):
            raise InvalidFieldError("email", "보이지 않는 문자는 사용할 수 없습니다")
        msgspec.structs.force_setattr(self, "email", address)


class SignupIn(Addressed, frozen=True):
    """A new account."""

    password: NewPassword
    nickname: Nickname


class LoginIn(Addressed, frozen=True):
    """Address and password."""

    password: Password


class RefreshIn(Schema, frozen=True):
    """A refresh token that has not been used."""

    refresh_token: Token


class LogoutIn(Schema, frozen=True):
    """The login to end, if there is no access token."""

    refresh_token: Token | None = None


class TokenPair(Schema, frozen=True):
    """Access and refresh token of one login."""

    access_token: str
    refresh_token: str
    token_type: Annotated[str, Meta(examples=["Bearer"])]
    expires_in: Annotated[int, Meta(examples=[3600])]  # s, of the access token


class VerifyIn(Schema, frozen=True):
    """The code that came by mail."""

    code: Annotated[str, NotBlank, Meta(max_length=20, examples=["7KQ2M9XA"])]


class ResetRequestIn(Addressed, frozen=True):
    """The account of a forgotten password."""


class ResetIn(Schema, frozen=True):
    """The token that came by mail, and the new password."""

    token: Token
    new_password: NewPassword
