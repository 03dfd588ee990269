"""JSON Web Tokens: HMAC, in the variant that fits the key's length, as before (contract 1.6, 8.9)."""

import hashlib
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from jiucom.errors import ApiError, ErrorCode
from jiucom.settings import Settings

Kind = Literal["access", "refresh"]

# Verified tokens are remembered this long at most (s), and this many.
_REMEMBERED = 60
_CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says. `role` is the one at issue: ask the account for the present one."""

    user_id: int
    role: str
    jti: str
    issued_at: int  # s since the epoch
    expires_at: int
    # The login that the token comes from; empty for a token that comes from none.
    family: str


class Tokens:
    """Signs and verifies."""

    def __init__(self, settings: Settings) -> None:
        self._key = settings.jwt_secret.encode()
        self._algorithm = "HS512" if len(self._key) >= 64 else "HS384" if len(self._key) >= 48 else "HS256"
        # Which key it was, when keys are changed; says nothing about the key itself.
        self._kid = hashlib.sha256(b"kid" + self._key).hexdigest()[:8]
        self.access_validity = settings.jwt_access_validity // 1000  # s
        self.refresh_validity = settings.jwt_refresh_validity // 1000
        self._known: OrderedDict[str, tuple[Claims, float]] = OrderedDict()

    def access(self, user_id: int, role: str, family: str = "") -> str:
        """A new access token."""
        now = int(time.time())
        times = {"iat": now, "exp": now + self.access_validity}
        return self._sign("access", user_id, role=role, jti=secrets.token_hex(16), sid=family, **times)

    def refresh(self, user_id: int, family: str, jti: str, issued_at: int, expires_at: int) -> str:
        """The refresh token with exactly these claims: the same ones give the same token (so it names no role)."""
        return self._sign("refresh", user_id, jti=jti, sid=family, iat=issued_at, exp=expires_at)

    def _sign(self, kind: Kind, user_id: int, **claims: str | int) -> str:
        return jwt.encode(
            {"sub": str(user_id), "typ": kind, **claims}, self._key, self._algorithm, headers={"kid": self._kid}
        )

    def verify(self, token: str, kind: Kind) -> Claims:
        """The claims of a valid token of this kind. Raises ApiError 401: A003 when expired, A004 when broken."""
        now = time.time()
        if kind == "access" and (known := self._known.get(token)) and now < known[1]:
            return known[0]
        try:
            payload: dict[str, Any] = jwt.decode(
                token, self._key, [self._algorithm], options={"require": ["sub", "exp", "iat", "jti", "typ"]}
            )
            claims = Claims(
                user_id=int(payload["sub"]),
                role=str(payload.get("role", "")),
                jti=str(payload["jti"]),
                issued_at=payload["iat"],
                expires_at=payload["exp"],
                family=str(payload.get("sid", "")),
            )
        except jwt.ExpiredSignatureError:
            raise ApiError(ErrorCode.EXPIRED_TOKEN) from None
        except (jwt.InvalidTokenError, ValueError):
            raise ApiError(ErrorCode.INVALID_TOKEN) from None
        if payload["typ"] != kind:
            raise ApiError(ErrorCode.INVALID_TOKEN)
        if kind == "access":
            self._known[token] = (claims, min(claims.expires_at, now + _REMEMBERED))
            if len(self._known) > _CAPACITY:
                self._known.popitem(last=False)
        return claims
