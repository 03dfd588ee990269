"""JSON Web Tokens, signed with HMAC-SHA-256, -384 or -512, depending on the length of the key."""

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import jwt

from jiucom.errors import ApiError, ErrorCode
from jiucom.settings import Settings

Kind = Literal["access", "refresh"]

# Verified tokens are remembered this long at most (s), and this many.
_REMEMBERED = 60
_CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a valid token. `role` is the role at issue; the account has the present one."""

    user_id: int
    role: str
    jti: str
    issued_at: int  # s since the epoch
    expires_at: int
    # The login that the token comes from; empty for a token that comes from none.
    family: str


class _Key(NamedTuple):
    """`id` is the `kid` of its tokens; it says nothing about the key itself."""

    id: str
    secret: bytes
    algorithm: str


class Tokens:
    """Signs with one key; verifies with that one and the previous one, whichever the token's `kid` names."""

    def __init__(self, settings: Settings) -> None:
        self._key = _key(settings.jwt_secret)
        previous = settings.jwt_secret_previous
        self._keys = {key.id: key for key in (self._key, *([_key(previous)] if previous else []))}
        self.access_validity = settings.jwt_access_validity // 1000  # s
        self.refresh_validity = settings.jwt_refresh_validity // 1000
        self._known: OrderedDict[str, tuple[Claims, float]] = OrderedDict()

    def access(self, user_id: int, role: str, family: str = "") -> str:
        """A new access token."""
        now = int(time.time())
        times = {"iat": now, "exp": now + self.access_validity}
        return _sign(self._key, "access", user_id, role=role, jti=secrets.token_hex(16), sid=family, **times)

    def refresh(self, user_id: int, family: str, jti: str, issued_at: int, expires_at: int) -> str:
        """The refresh token with exactly these claims: the same ones give the same token (so it names no role)."""
        return next(self.refreshes(user_id, family, jti, issued_at, expires_at))

    def refreshes(self, user_id: int, family: str, jti: str, issued_at: int, expires_at: int) -> Iterator[str]:
        """The same, signed by each key that verifies, the present one first."""
        for key in self._keys.values():
            yield _sign(key, "refresh", user_id, jti=jti, sid=family, iat=issued_at, exp=expires_at)

    def verify(self, token: str, kind: Kind) -> Claims:
        """The claims of a valid token of this kind. Raises ApiError 401: A003 when expired, A004 when broken."""
        now = time.time()
        if kind == "access" and (known := self._known.get(token)) and now < known[1]:
            return known[0]
        claims = self._decode(token, kind, expired_too=False)
        if kind == "access":
            self._known[token] = (claims, min(claims.expires_at, now + _REMEMBERED))
            if len(self._known) > _CAPACITY:
                self._known.popitem(last=False)
        return claims

    def identify(self, token: str) -> Claims:
        """The claims of an access token of ours, expired or not: which login it came from. Raises ApiError 401 A004."""
        return self._decode(token, "access", expired_too=True)

    def _decode(self, token: str, kind: Kind, *, expired_too: bool) -> Claims:
        try:
            key = self._keys.get(jwt.get_unverified_header(token).get("kid", ""))
            if key is None:
                raise ApiError(ErrorCode.INVALID_TOKEN)
            payload: dict[str, Any] = jwt.decode(
                token,
                key.secret,
                [key.algorithm],
                options={"require": ["sub", "exp", "iat", "jti", "typ"], "verify_exp": not expired_too},
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
        return claims


def _key(secret: str) -> _Key:
    raw = secret.encode()
    algorithm = "HS512" if len(raw) >= 64 else "HS384" if len(raw) >= 48 else "HS256"
    return _Key(hashlib.sha256(b"kid" + raw).hexdigest()[:8], raw, algorithm)


def _sign(key: _Key, kind: Kind, user_id: int, **claims: str | int) -> str:
    return jwt.encode({"sub": str(user_id), "typ": kind, **claims}, key.secret, key.algorithm, headers={"kid": key.id})
