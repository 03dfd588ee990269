"""Counts requests for rate limits: in Redis for all replicas, and in each process while Redis is away."""

import time
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from cachetools import TTLCache

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.errors import ApiError, ErrorCode
from jiucom.limits import Limit
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

WINDOW = 60  # s
# Counters per process while Redis is away; the least recently used are dropped first.
MAX_LOCAL = 10_000

# Returns whether the request is allowed, the count, and the rest of the window (ms). A window begins with its first request.
# A counter without an expiry gets one.
_TAKE = """
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
local room = count < tonumber(ARGV[1])
if room then count = redis.call('INCR', KEYS[1]) end
local rest = redis.call('PTTL', KEYS[1])
if rest < 0 then
    rest = tonumber(ARGV[2])
    redis.call('PEXPIRE', KEYS[1], rest)
end
return {room and 1 or 0, count, rest}
"""

_GIVE_BACK = "if tonumber(redis.call('GET', KEYS[1]) or 0) > 0 then redis.call('DECR', KEYS[1]) end"


@dataclass(slots=True)
class Counted:
    """A counted request: its counter's `key`, the `count` with it, the `allowed` count, and the rest of the window (ms)."""

    limit: Limit
    key: str
    allowed: int
    count: int
    rest: int
    # Counted by this process, not by Redis.
    local: bool

    @property
    def headers(self) -> dict[str, str]:
        """`X-RateLimit-*`, for the answer."""
        return {
            "X-RateLimit-Limit": str(self.allowed),
            "X-RateLimit-Remaining": str(max(0, self.allowed - self.count)),
            "X-RateLimit-Reset": str(seconds(self.rest)),
        }


@dataclass(slots=True)
class _Window:
    ends: float  # s, monotonic
    count: int = 0


class RateLimiter:
    """Counts requests, and refuses those above a limit."""

    def __init__(self, settings: Settings, redis: RedisClient, metrics: Metrics) -> None:
        self._settings = settings
        self._redis = redis
        self._refused = metrics.rate_limited
        self._unchecked = metrics.rate_unchecked
        self._windows: TTLCache[str, _Window] = TTLCache(MAX_LOCAL, WINDOW)

    async def take(self, limit: Limit, *, user_id: int | None, address: str) -> Counted:
        """Count a request. Raises ApiError 429 with `Retry-After` above the limit; refused requests are not counted."""
        by_user = limit.by == "caller" and user_id is not None
        key = f"{{limit:{limit.name}:{f'user-{user_id}' if by_user else network(address)}}}"
        allowed: int = getattr(self._settings, limit.setting)
        try:
            room, count, rest = await self._redis.execute("EVAL", _TAKE, 1, key, allowed, WINDOW * 1000)
            counted = Counted(limit, key, allowed, count, rest, local=False)
        except RedisUnavailableError:
            self._unchecked.labels(limit.name).inc()
            window = self._window(key)
            room = window.count < allowed
            window.count += room
            counted = Counted(
                limit, key, allowed, window.count, round((window.ends - time.monotonic()) * 1000), local=True
            )
        if not room:
            raise self.refusal(limit.name, counted.rest, counted.headers)
        return counted

    async def settle(self, counted: Counted, status: int) -> dict[str, str]:
        """Called when the request ends with `status`: takes it back if it does not count. Returns the headers of its answer."""
        if counted.limit.failures and not 400 <= status < 500:
            counted.count -= 1
            if counted.local:
                window = self._window(counted.key)
                window.count = max(0, window.count - 1)
            else:
                try:
                    await self._redis.execute("EVAL", _GIVE_BACK, 1, counted.key)
                except RedisUnavailableError:
                    # It stays counted until the window ends.
                    counted.count += 1
        return counted.headers

    def refusal(self, name: str, rest: int, headers: dict[str, str] | None = None) -> ApiError:
        """429 by the limit `name`, to be tried again in `rest` ms. Counted in the metrics."""
        self._refused.labels(name).inc()
        return ApiError(ErrorCode.RATE_LIMIT_EXCEEDED, headers={**(headers or {}), "Retry-After": str(seconds(rest))})

    def _window(self, key: str) -> _Window:
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(time.monotonic() + WINDOW)
        return window


def network(address: str) -> str:
    """The address; of an IPv6 address its /64 network, which one customer has as a whole."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def seconds(milliseconds: int) -> int:
    """Whole seconds, rounded up."""
    return -(-milliseconds // 1000)
