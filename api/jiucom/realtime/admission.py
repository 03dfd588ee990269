"""Limits of `/ws` per address and in all. Counted in this process, so that a flood does not load Redis."""

import math
from collections import Counter

from jiucom.errors import ApiError, ErrorCode
from jiucom.limiter import network
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

_MINUTE = 60.0


class Admission:
    """Counts requests per minute, and sessions. An address of IPv6 counts as its network."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._requests_limit = settings.rate_limit_realtime
        self._per_address = settings.realtime_sessions_per_address
        self._total = settings.realtime_sessions
        self._refused = metrics.rate_limited.labels("realtime")
        self._requests: Counter[str] = Counter()
        self._minute_ends = 0.0
        self._sessions: Counter[str] = Counter()

    def request(self, address: str, now: float) -> None:
        """Count a request at `now` (s, of a monotonic clock). Raises ApiError 429."""
        if now >= self._minute_ends:
            self._requests.clear()
            self._minute_ends = now + _MINUTE
        key = network(address)
        self._requests[key] += 1
        if self._requests[key] > self._requests_limit:
            raise self._too_many(math.ceil(self._minute_ends - now))

    def enter(self, address: str) -> None:
        """Count a session, until `leave`. Raises ApiError 429."""
        key = network(address)
        if self._sessions[key] >= self._per_address or self._sessions.total() >= self._total:
            raise self._too_many(5)
        self._sessions[key] += 1

    def leave(self, address: str) -> None:
        """Uncount a session."""
        key = network(address)
        self._sessions[key] -= 1
        if not self._sessions[key]:
            del self._sessions[key]

    def _too_many(self, seconds: int) -> ApiError:
        self._refused.inc()
        return ApiError(ErrorCode.RATE_LIMIT_EXCEEDED, headers={"Retry-After": str(seconds)})
