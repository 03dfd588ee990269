"""Metrics, under the names of docs/architecture.md (Interfaces). One registry per application: tests have many."""

from collections.abc import Iterable, Iterator

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    Summary,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric

from jiucom.telemetry.http_metrics import HttpMetrics

# A `_created` series for every counter would double their number; nothing uses it.
disable_created_metrics()  # type: ignore[no-untyped-call]

# Micrometer's common tag, on every sample but the buckets, which are many.
APPLICATION = "jiucom-api"


class Metrics:
    """The metrics that other modules set. Values that are read at the scrape have collectors of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http = HttpMetrics()
        self.registry.register(self.http)
        ProcessCollector(registry=self.registry)

        self.db_acquire = Summary("jiucom_db_acquire_seconds", "Wait for a pooled connection", registry=self.registry)
        self.db_reads = self._counter("jiucom_db_reads", "Sessions for reads, where there are replicas", "server")
        self.redis_calls = self._counter("jiucom_redis_calls", "Commands sent to Redis", "command")
        self.redis_failures = self._counter("jiucom_redis_failures", "Commands that Redis did not answer")
        self.cache_requests = self._counter("jiucom_cache_requests", "Reads of a cache", "cache", "result")
        self.spans_sent = self._counter("jiucom_spans_sent", "Spans that Zipkin took")
        self.spans_lost = self._counter("jiucom_spans_lost", "Spans dropped or refused")
        self.websockets_open = Gauge("jiucom_websockets_open", "Open WebSockets", registry=self.registry)
        self.logins_failed = self._counter("jiucom_logins_failed", "Refused logins")
        self.rate_limited = self._counter("jiucom_rate_limited", "Requests refused by a limit", "limit")
        self.http_refused = self._counter("jiucom_http_refused", "Requests refused because too many others ran")
        self.rate_unchecked = self._counter(
            "jiucom_rate_unchecked", "Requests counted by one process, without Redis", "limit"
        )
        # Not `job`: Prometheus uses that label itself, and would store ours as `exported_job`.
        self.job_last_success = Gauge(
            "jiucom_job_last_success_timestamp_seconds", "When the job last succeeded", ["name"], registry=self.registry
        )
        self.job_duration = Gauge(
            "jiucom_job_duration_seconds", "How long the job's last run took", ["name"], registry=self.registry
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(name, text, labels, registry=self.registry)

    def families(self) -> Iterator[Metric]:
        """Every metric with the common tag."""
        for family in self.registry.collect():
            for n, sample in enumerate(() if family.type == "histogram" else family.samples):
                family.samples[n] = sample._replace(labels={"application": APPLICATION, **sample.labels})
            yield family

    def scrape(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(_Collected(self.families()))


class _Collected(CollectorRegistry):
    """A registry for generate_latest, with given families."""

    def __init__(self, families: Iterable[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families
