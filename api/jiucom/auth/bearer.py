"""Bearer tokens: from a header to the user."""

import re

from jiucom.auth.accounts import Accounts
from jiucom.auth.principal import Principal
from jiucom.auth.tokens import Tokens

# The scheme's letters may be of either case (RFC 9110).
_BEARER = re.compile("bearer +(.*)", re.IGNORECASE | re.DOTALL)


def bearer(authorization: str) -> str | None:
    """The token of an `Authorization` header; None when it is of another scheme."""
    found = _BEARER.fullmatch(authorization)
    return found[1] if found else None


async def authenticate(token: str, tokens: Tokens, accounts: Accounts) -> Principal:
    """The user of an access token. Raises ApiError 401: A003 expired, A004 broken, of a login that has ended, or no longer
    an active user's."""
    claims = tokens.verify(token, "access")
    account = await accounts.active(claims.user_id, claims.family)
    return Principal(claims.user_id, account.role, claims.jti, claims.expires_at, claims.family)
