"""What is said about logins."""

from typing import Annotated

from msgspec import Meta

from jiucom.web import NotBlank, Schema

# Lenient, as the old service was; what would be syntax in a mail's header is no part of an address here.
Email = Annotated[
    str,
    Meta(
        pattern=r"^[^\s\x00-\x1f\x7f@,:;<>()\[\]\"\\]+@[^\s\x00-\x1f\x7f@,:;<>()\[\]\"\\]+(?![\s\S])",
        max_length=100,
        examples=["gamer@jiucom.com"],
    ),
]
NewPassword = Annotated[str, NotBlank, Meta(min_length=8, max_length=50, examples=["correct-horse-8"])]
# One that exists may be of any length; what is longer than this is none.
Password = Annotated[str, NotBlank, Meta(max_length=500, examples=["correct-horse-8"])]
Nickname = Annotated[str, NotBlank, Meta(min_length=2, max_length=30, examples=["게이머김"])]
Token = Annotated[str, NotBlank, Meta(max_length=2000)]


class SignupIn(Schema, frozen=True):
    """A new account."""

    email: Email
    password: NewPassword
    nickname: Nickname


class LoginIn(Schema, frozen=True):
    """Address and password."""

    email: Email
    password: Password


class RefreshIn(Schema, frozen=True):
    """A refresh token that has not been used."""

    refresh_token: Token


class LogoutIn(Schema, frozen=True):
    """The login to end, where no access token says which."""

    refresh_token: Token | None = None


class TokenPair(Schema, frozen=True):
    """What a login is worth."""

    access_token: str
    refresh_token: str
    token_type: Annotated[str, Meta(examples=["Bearer"])]
    expires_in: Annotated[int, Meta(examples=[3600])]  # s, of the access token


class VerifyIn(Schema, frozen=True):
    """The code that came by mail."""

    code: Annotated[str, NotBlank, Meta(max_length=20, examples=["7KQ2M9XA"])]


class ResetRequestIn(Schema, frozen=True):
    """Whose password is forgotten."""

    email: Email


class ResetIn(Schema, frozen=True):
    """The token that came by mail, and the new password."""

    token: Token
    new_password: NewPassword
