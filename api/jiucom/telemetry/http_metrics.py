"""HTTP metrics as Micrometer makes them (D2): count, sum and a decaying maximum per method, uri, status, outcome, exception
and error. Latency buckets are a family of their own, per method and uri only: with all labels the scrape would be four times
as large.

These series begin with their first request, which rate() and increase() do not see. For the share of errors, requests are
therefore also counted by outcome alone, from 0 on.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator
from math import inf

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

# Bounds in seconds. Each costs a line per route in every scrape. A percentile is only as exact as its bucket, so the alert's
# threshold of 1 s is a bound, and there is one above it.
BUCKETS = (0.005, 0.03, 0.2, 1.0, 5.0)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_LABELS = ("method", "uri", "status", "outcome", "exception", "error")
_OUTCOMES = {1: "INFORMATIONAL", 2: "SUCCESS", 3: "REDIRECTION", 4: "CLIENT_ERROR", 5: "SERVER_ERROR"}
_NO_OUTCOME = "UNKNOWN"

# Scrapes and health checks are not counted by outcome: on a quiet host they would be most of the requests.
_MACHINES = "/actuator"

# Micrometer's TimeWindowMax: three windows of a minute.
_WINDOW = 60.0
_WINDOWS = 3


class _Timer:
    __slots__ = ("_current", "_maxima", "_rotated", "count", "total")

    def __init__(self, now: float) -> None:
        self.count = 0
        self.total = 0.0
        self._maxima = [0.0] * _WINDOWS
        self._current = 0
        self._rotated = now

    def observe(self, seconds: float, now: float) -> None:
        self.count += 1
        self.total += seconds
        self._rotate(now)
        for n, maximum in enumerate(self._maxima):
            if seconds > maximum:
                self._maxima[n] = seconds

    def maximum(self, now: float) -> float:
        self._rotate(now)
        return self._maxima[self._current]

    def _rotate(self, now: float) -> None:
        """Drop values older than three windows: the oldest window is cleared and becomes the current one."""
        elapsed = int((now - self._rotated) / _WINDOW)
        for _ in range(min(elapsed, _WINDOWS)):
            self._maxima[self._current] = 0.0
            self._current = (self._current + 1) % _WINDOWS
        self._rotated += elapsed * _WINDOW


class HttpMetrics(Collector):
    """Counts requests. Labels come from route templates and closed lists, so their number is bounded."""

    def __init__(self) -> None:
        # Requests that are being answered: a replica is stopped when it has none.
        self.running = 0
        self._timers: dict[tuple[str, str, int, str], _Timer] = {}
        self._buckets: dict[tuple[str, str], list[int]] = {}
        self._outcomes = dict.fromkeys((*_OUTCOMES.values(), _NO_OUTCOME), 0)

    def observe(self, method: str, template: str | None, status: int, exception: str, seconds: float) -> None:
        """One finished request. `template` is None when no route matched; `status` 0 when nothing was answered."""
        now = time.monotonic()
        method = method if method in _METHODS else "UNKNOWN"
        key = (method, template or _unmatched(status), status, exception)
        timer = self._timers.get(key)
        if timer is None:
            timer = self._timers[key] = _Timer(now)
        timer.observe(seconds, now)
        buckets = self._buckets.get(key[:2])
        if buckets is None:
            buckets = self._buckets[key[:2]] = [0] * (len(BUCKETS) + 1)
        buckets[bisect_left(BUCKETS, seconds)] += 1
        if template is None or not template.startswith(_MACHINES):
            self._outcomes[_outcome(status)] += 1

    def collect(self) -> Iterator[Metric]:
        now = time.monotonic()
        text = "Duration of HTTP server request handling"
        times = SummaryMetricFamily("http_server_requests_seconds", text, labels=_LABELS)
        maxima = GaugeMetricFamily("http_server_requests_seconds_max", text, labels=_LABELS)
        for (method, uri, status, exception), timer in self._timers.items():
            labels = (method, uri, str(status) if status else "UNKNOWN", _outcome(status), exception, exception)
            # Rounded to microseconds: the other digits of a float would be a tenth of the scrape.
            times.add_metric(labels, timer.count, round(timer.total, 6))
            maxima.add_metric(labels, round(timer.maximum(now), 6))
        yield times
        yield maxima
        durations = HistogramMetricFamily("http_server_requests_duration_seconds", text, labels=("method", "uri"))
        for (method, uri), counts in self._buckets.items():
            total = 0
            for bound, count in zip((*BUCKETS, inf), counts, strict=True):
                total += count
                labels_le = {"method": method, "uri": uri, "le": "+Inf" if bound == inf else str(bound)}
                durations.add_sample("http_server_requests_duration_seconds_bucket", labels_le, total)
        yield durations
        outcomes = CounterMetricFamily("jiucom_http_requests", "Requests but those of /actuator", labels=("outcome",))
        for outcome, count in self._outcomes.items():
            outcomes.add_metric((outcome,), count)
        yield outcomes
        yield GaugeMetricFamily(
            "jiucom_http_requests_running", "Requests being answered, but those of /actuator and streams", self.running
        )


def _outcome(status: int) -> str:
    return _OUTCOMES.get(status // 100, _NO_OUTCOME)


def _unmatched(status: int) -> str:
    if 300 <= status < 400:
        return "REDIRECTION"
    return "NOT_FOUND" if status == 404 else "UNKNOWN"
