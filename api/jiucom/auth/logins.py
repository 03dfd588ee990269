"""Logins of STOMP sessions: an access token opens a session, which then lives as long as the login of the token.

An expired token opens a session too while its login lives: a client that reconnects has the token it began with.
"""

import time

import msgspec
from msgspec import Struct

from jiucom.auth.accounts import Accounts
from jiucom.auth.principal import Role
from jiucom.auth.tokens import Tokens
from jiucom.db import Database
from jiucom.errors import ApiError, ErrorCode

# How long a login counts as alive before its refresh tokens are read again (s). `Accounts` announces its end within a second.
_TRUST = 60

_LIVES_UNTIL = """
SELECT UNIX_TIMESTAMP(MAX(expires_at)) FROM refresh_tokens WHERE family_id = %s AND user_id = %s AND revoked_at IS NULL
"""


class Login(Struct, frozen=True):
    """A login that was alive when it was checked."""

    user_id: int
    role: Role
    # Empty for a token without a login.
    family: str
    # When to check again (s since the epoch).
    until: float


class Logins:
    """Checks logins. All methods raise ApiError 401: A003 expired; A004 ended, or the user is not active."""

    def __init__(self, db: Database, tokens: Tokens, accounts: Accounts) -> None:
        self._db = db
        self._tokens = tokens
        self._accounts = accounts

    async def of_token(self, token: str) -> Login:
        """The login that an access token came from."""
        claims = self._tokens.identify(token)
        account = await self._accounts.active(claims.user_id, claims.family)
        return await self._read(Login(claims.user_id, account.role, claims.family, claims.expires_at))

    async def check(self, login: Login) -> Login:
        """The same login, if it still lives and the user has the same role."""
        account = await self._accounts.active(login.user_id, login.family)
        if account.role != login.role:
            raise ApiError(ErrorCode.INVALID_TOKEN)
        return login if time.time() < login.until else await self._read(login)

    async def _read(self, login: Login) -> Login:
        now, until = time.time(), login.until
        if login.family:
            async with self._db.read() as session:
                found = await session.fetch_value(_LIVES_UNTIL, (login.family, login.user_id))
            if found is None:
                raise ApiError(ErrorCode.INVALID_TOKEN)
            until = float(found)
        if until <= now:
            raise ApiError(ErrorCode.EXPIRED_TOKEN)
        return msgspec.structs.replace(login, until=min(until, now + _TRUST))
