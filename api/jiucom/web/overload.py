"""Refuses requests at once while too many others run, so that those that run are answered in time.

Without it, twice as many requests as can be served leave one good answer in fifty: each runs until it has waited too long.
"""

from collections.abc import Iterable

from jiucom.clock import Clock
from jiucom.errors import unavailable
from jiucom.paths import CONTEXT_PATH
from jiucom.telemetry.metrics import Metrics
from jiucom.web.envelope import failure
from jiucom.web.headers import PRIVATE, SECURITY

# Requests that run at the same time. Most of them wait for the database: more would wait longer than their clients.
MOST = 600

# Not counted and never refused: health checks, metrics, and notifications, which have limits of their own.
_OTHERS = (f"{CONTEXT_PATH}/actuator".encode(), f"{CONTEXT_PATH}/ws".encode())


class Overload:
    """The server's protocol asks it for each request."""

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics

    def refuses(self, target: bytes) -> bool:
        """Whether to refuse a request for this path and query."""
        return self._metrics.http.running >= MOST and not target.startswith(_OTHERS)

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> tuple[bytes, bytes]:
        """Head, with these headers, and body of a 503 with `Retry-After`, as they go over the wire. Counts it."""
        self._metrics.http_refused.inc()
        response = failure(unavailable(), self._clock.now())
        lines = [b"%b: %b" % each for each in (*headers, *response.raw_headers, SECURITY, PRIVATE)]
        return b"HTTP/1.1 503 Service Unavailable\r\n%b\r\n\r\n" % b"\r\n".join(lines), bytes(response.body)
