"""Rate limits, counted in Redis for all replicas (contract 8.10). An operation declares its own; writes have one anyway.

A minute begins with the first request and ends 60 s later: counting and setting that end are one script, so that no
counter can stay for ever. Without Redis nobody is refused, and what went unchecked is counted.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Any, Literal

import msgspec

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.errors import ApiError, ErrorCode
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

_WINDOW = 60_000  # ms

# The count so far, and the rest of the window (ms).
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('PTTL', KEYS[1])}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many requests per minute.

    Counted per `caller` (the user, or nobody's address), per client `address`, or per `account`: the `email` of the body.
    """

    name: str
    by: Literal["caller", "address", "account"]
    setting: str


# Guessing at one account from many addresses, and at many accounts from one.
LOGIN = (Limit("login", "address", "rate_limit_login"), Limit("login", "account", "rate_limit_login"))
# Mails with codes, and guesses at them.
CODE = (Limit("code", "caller", "rate_limit_login"),)
WRITE = (Limit("write", "caller", "rate_limit_write"),)
UPLOAD = (Limit("upload", "caller", "rate_limit_upload"),)


class RateLimiter:
    """Counts and refuses."""

    def __init__(self, settings: Settings, redis: RedisClient, metrics: Metrics) -> None:
        self._settings = settings
        self._redis = redis
        self._refused = metrics.rate_limited
        self._unchecked = metrics.rate_unchecked

    async def check(
        self, limits: Sequence[Limit], *, user_id: int | None, address: str, body: msgspec.Struct | None
    ) -> dict[str, str]:
        """Count the request. The headers that tell the client where it stands; raises ApiError 429 with `Retry-After`."""
        subjects = [(limit, _subject(limit, user_id, address, body)) for limit in limits]
        counted = [(limit, subject) for limit, subject in subjects if subject]
        if not counted:
            return {}
        keys = (f"{{limit:{limit.name}:{limit.by}:{subject}}}" for limit, subject in counted)
        try:
            answers = await self._redis.pipeline([("EVAL", _COUNT, 1, key, _WINDOW) for key in keys])
        except RedisUnavailableError:
            for name in {limit.name for limit, _ in counted}:
                self._unchecked.labels(name).inc()
            return {}
        return self._judge([limit for limit, _ in counted], answers)

    def _judge(self, limits: Sequence[Limit], answers: Sequence[Any]) -> dict[str, str]:
        """What the nearest limit says."""
        standings = [
            (getattr(self._settings, limit.setting) - count, -(-rest // 1000), limit)
            for limit, (count, rest) in zip(limits, answers, strict=True)
        ]
        left, seconds, limit = min(standings, key=lambda standing: (standing[0], -standing[1]))
        headers = {
            "X-RateLimit-Limit": str(getattr(self._settings, limit.setting)),
            "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset": str(seconds),
        }
        if left < 0:
            self._refused.labels(limit.name).inc()
            wait = max(seconds for left, seconds, _ in standings if left < 0)
            raise ApiError(ErrorCode.RATE_LIMIT_EXCEEDED, headers={**headers, "Retry-After": str(wait)})
        return headers


def _subject(limit: Limit, user_id: int | None, address: str, body: msgspec.Struct | None) -> str:
    """Whom the limit counts; empty when the request has no such thing."""
    if limit.by == "account":
        email = getattr(body, "email", None)
        # Addresses of people do not belong into keys.
        return hashlib.sha256(email.casefold().encode()).hexdigest()[:32] if isinstance(email, str) else ""
    if limit.by == "caller" and user_id is not None:
        return f"user-{user_id}"
    return network(address)


def network(address: str) -> str:
    """The address; of IPv6 the network, since every customer has 2^64 addresses of one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
