"""Families of refresh tokens: one per login, ended as a whole.

A refresh token can be used once. A second use ends the family, since one of the two users may have stolen it. Within a short
grace period a second use gets the same successor instead, for two tabs that refresh at once. Access tokens name their family
and end with it.
"""

import hashlib
import secrets
import time
from datetime import UTC, datetime

from msgspec import Struct

from jiucom.auth.principal import Role
from jiucom.auth.tokens import Tokens
from jiucom.db import WriteSession

GRACE = 20  # s

# Changes of role, status or password lock the user first, so no token is issued meanwhile.
_LOCK_USER = "SELECT role, status FROM users WHERE id = %s AND is_deleted = FALSE FOR UPDATE"

_FIND = """
SELECT id, family_id, used_at IS NOT NULL, COALESCE(used_at > UTC_TIMESTAMP(6) - INTERVAL %s SECOND, FALSE), successor_id
FROM refresh_tokens WHERE token_hash = %s AND user_id = %s AND revoked_at IS NULL FOR UPDATE
"""

_INSERT = """
INSERT INTO refresh_tokens (user_id, family_id, jti, token_hash, issued_at, expires_at)
VALUES (%s, %s, %s, %s, %s, %s)
"""

_USE = "UPDATE refresh_tokens SET used_at = UTC_TIMESTAMP(6), successor_id = %s WHERE id = %s"

_SUCCESSOR = "SELECT jti, issued_at, expires_at, token_hash FROM refresh_tokens WHERE id = %s"

_END = "UPDATE refresh_tokens SET revoked_at = UTC_TIMESTAMP(6) WHERE family_id = %s AND revoked_at IS NULL"

_END_ALL = """
UPDATE refresh_tokens SET revoked_at = UTC_TIMESTAMP(6)
WHERE user_id = %s AND family_id <> %s AND revoked_at IS NULL
"""


class Pair(Struct, frozen=True):
    """Access and refresh token of one login."""

    access: str
    refresh: str


class Rotation(Struct, frozen=True):
    """The result of using a refresh token: the next pair, or the user whose login has just ended, or neither."""

    pair: Pair | None = None
    ended_user: int | None = None


class _User(Struct, frozen=True):
    role: Role
    status: str


class _Found(Struct, frozen=True):
    id: int
    family_id: str
    used: bool
    used_just_now: bool
    successor_id: int | None


class _Signed(Struct, frozen=True):
    jti: str
    issued_at: datetime
    expires_at: datetime
    token_hash: str


async def begin(tx: WriteSession, tokens: Tokens, user_id: int, role: Role) -> Pair:
    """A new family with its first tokens. The caller has locked the user."""
    family = secrets.token_hex(16)
    refresh, _ = await _issue(tx, tokens, user_id, family)
    return Pair(tokens.access(user_id, role, family), refresh)


async def rotate(tx: WriteSession, tokens: Tokens, token: str) -> Rotation:
    """Use a refresh token: the next pair, unless the token is used, ended or unknown.

    The caller must commit in any case: the family may have ended. Raises ApiError 401 for an invalid token.
    """
    user_id = tokens.verify(token, "refresh").user_id
    user = await tx.fetch_one(_LOCK_USER, (user_id,), _User)
    found = await tx.fetch_one(_FIND, (GRACE, _fingerprint(token), user_id), _Found)
    if user is None or user.status != "ACTIVE" or found is None:
        return Rotation()
    if not found.used:
        refresh, successor = await _issue(tx, tokens, user_id, found.family_id)
        await tx.execute(_USE, (successor, found.id))
    elif found.used_just_now and found.successor_id is not None:
        signed = await _sign_again(tx, tokens, user_id, found.family_id, found.successor_id)
        if signed is None:
            return Rotation()
        refresh = signed
    else:
        await end(tx, found.family_id)
        return Rotation(ended_user=user_id)
    return Rotation(Pair(tokens.access(user_id, user.role, found.family_id), refresh))


async def end(tx: WriteSession, family: str) -> None:
    """End one login. Call `Accounts.changed` in the same transaction, so that its access tokens end too."""
    await tx.execute(_END, (family,))


async def end_all(tx: WriteSession, user_id: int, keep: str = "") -> None:
    """End every login of the user but `keep`. Call `Accounts.changed` as well."""
    await tx.execute(_END_ALL, (user_id, keep))


async def _issue(tx: WriteSession, tokens: Tokens, user_id: int, family: str) -> tuple[str, int]:
    """A new refresh token, and the id of its row."""
    jti, now = secrets.token_hex(16), int(time.time())
    expires = now + tokens.refresh_validity
    token = tokens.refresh(user_id, family, jti, now, expires)
    row = (user_id, family, jti, _fingerprint(token), _moment(now), _moment(expires))
    return token, await tx.insert(_INSERT, row)


async def _sign_again(tx: WriteSession, tokens: Tokens, user_id: int, family: str, row: int) -> str | None:
    """The token of a row, signed with whichever key it was; None when that key is no longer in the settings."""
    signed = await tx.fetch_one(_SUCCESSOR, (row,), _Signed)
    assert signed is not None  # noqa: S101 - a foreign key
    times = int(signed.issued_at.timestamp()), int(signed.expires_at.timestamp())
    candidates = tokens.refreshes(user_id, family, signed.jti, *times)
    return next((token for token in candidates if _fingerprint(token) == signed.token_hash), None)


def _fingerprint(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
