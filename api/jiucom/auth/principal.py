"""Who is asking, and the middleware that finds out."""

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from starlette.types import ASGIApp, Receive, Scope, Send

from jiucom.deadline import deadline
from jiucom.errors import ApiError

if TYPE_CHECKING:
    from jiucom.auth.accounts import Accounts
    from jiucom.auth.tokens import Tokens

Role = Literal["USER", "SELLER", "ADMIN"]

# The scheme's letters may be of either case (RFC 9110).
_BEARER = re.compile("bearer +(.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Principal:
    """A user whose token is valid and whose account is active. The role is the account's present one."""

    user_id: int
    role: Role
    jti: str
    expires_at: int  # s since the epoch
    # The login that the token comes from; empty for a token that comes from none.
    family: str = ""

    @property
    def is_admin(self) -> bool:
        """May moderate and administer."""
        return self.role == "ADMIN"


class Authentication:
    """Sets `jiucom.principal` where there is a valid bearer token. A bad one is 401 (contract 8.7), except on the paths
    `without_bearer`: their bodies say who is asking, and clients send the bearer with every request.

    `seconds` are what a request has by default. They begin here: `jiucom.started`, on the event loop's clock.
    """

    def __init__(
        self,
        app: ASGIApp,
        tokens: "Tokens",
        accounts: "Accounts",
        seconds: float,
        without_bearer: Collection[str],
    ) -> None:
        self.app = app
        self.tokens = tokens
        self.accounts = accounts
        self.seconds = seconds
        self.without_bearer = frozenset(without_bearer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            started = scope["jiucom.started"] = asyncio.get_running_loop().time()
            for name, value in scope["headers"]:
                if name == b"authorization" and (token := bearer(value.decode("latin-1"))) is not None:
                    try:
                        async with deadline(started + self.seconds):
                            scope["jiucom.principal"] = await authenticate(token, self.tokens, self.accounts)
                    except ApiError as error:
                        if error.status != 401 or scope["path"] not in self.without_bearer:
                            raise
                    break
        await self.app(scope, receive, send)


def bearer(authorization: str) -> str | None:
    """The token of an `Authorization` header; None when it is of another scheme."""
    found = _BEARER.fullmatch(authorization)
    return found[1] if found else None


async def authenticate(token: str, tokens: "Tokens", accounts: "Accounts") -> Principal:
    """The user of an access token. Raises ApiError 401: A003 expired, A004 broken, of a login that has ended, or no longer
    an active user's."""
    claims = tokens.verify(token, "access")
    account = await accounts.active(claims.user_id, claims.family)
    return Principal(claims.user_id, account.role, claims.jti, claims.expires_at, claims.family)
