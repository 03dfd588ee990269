"""Statements about accounts that log in."""

from msgspec import Struct

from jiucom.auth.principal import Role
from jiucom.db import ReadSession, WriteSession

_CREDENTIALS = "SELECT id, email, password, role, status FROM users WHERE living_email = %s"

_OF_USER = "SELECT id, email, password, role, status FROM users WHERE id = %s AND is_deleted = FALSE"

_INSERT = "INSERT INTO users (email, password, nickname) VALUES (%s, %s, %s)"

_RENEW_HASH = "UPDATE users SET password = %s WHERE id = %s AND password = %s"

_SET_PASSWORD = "UPDATE users SET password = %s, updated_at = UTC_TIMESTAMP(6) WHERE id = %s"  # noqa: S105

_VERIFIED = "UPDATE users SET email_verified_at = UTC_TIMESTAMP(6) WHERE id = %s AND email_verified_at IS NULL"

_IS_VERIFIED = "SELECT email, email_verified_at IS NOT NULL FROM users WHERE id = %s AND is_deleted = FALSE"


class Credentials(Struct, frozen=True):
    """The columns that a login is checked against."""

    id: int
    email: str
    password: str | None
    role: Role
    status: str


class Address(Struct, frozen=True):
    """A user's mail address."""

    email: str
    verified: bool


async def credentials(session: ReadSession, email: str) -> Credentials | None:
    """The account of an address."""
    return await session.fetch_one(_CREDENTIALS, (email,), Credentials)


async def credentials_of(session: ReadSession, user_id: int) -> Credentials | None:
    """The account of a user."""
    return await session.fetch_one(_OF_USER, (user_id,), Credentials)


async def lock(tx: WriteSession, user_id: int) -> Credentials | None:
    """The account, locked: its password, role and status stay until the end of the transaction."""
    return await tx.fetch_one(f"{_OF_USER} FOR UPDATE", (user_id,), Credentials)


async def insert(tx: WriteSession, email: str, password: str, nickname: str) -> int:
    """A new user's id. Raises DuplicateKey `uk_users_email` or `uk_users_nickname`."""
    return await tx.insert(_INSERT, (email, password, nickname))


async def renew_hash(tx: WriteSession, user_id: int, old: str, new: str) -> None:
    """Replace the hash by another one of the same password, unless it was changed meanwhile."""
    await tx.execute(_RENEW_HASH, (new, user_id, old))


async def set_password(tx: WriteSession, user_id: int, new: str) -> None:
    """Set another password hash."""
    await tx.execute(_SET_PASSWORD, (new, user_id))


async def address(session: ReadSession, user_id: int) -> Address | None:
    """The user's address."""
    return await session.fetch_one(_IS_VERIFIED, (user_id,), Address)


async def set_verified(tx: WriteSession, user_id: int) -> None:
    """Mark the address as verified."""
    await tx.execute(_VERIFIED, (user_id,))
