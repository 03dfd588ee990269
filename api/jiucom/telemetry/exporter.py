"""Export of spans to Zipkin. The Zipkin exporter is deprecated: another exporter (OTLP) would change this module only."""

import logging
import time
from collections.abc import Sequence

from opentelemetry.exporter.zipkin.json import ZipkinExporter
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

# Spans waiting for export at most: a minute of full sampling under load. Further spans are dropped and counted.
MAX_WAITING = 2048
TIMEOUT = 2  # s

# `_warn` logs failures instead: once in 30 s, with a count.
logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)


def make_processor(endpoint: str, metrics: Metrics) -> SpanProcessor:
    """Sends spans in batches from a thread; its failures do not reach requests (E3)."""
    return CountingProcessor(ZipkinExporter(endpoint=endpoint, timeout=TIMEOUT), metrics)


class CountingProcessor(SpanProcessor):
    """A batch processor that counts every span as sent or lost; the SDK's processor drops spans without counting them."""

    def __init__(self, exporter: SpanExporter, metrics: Metrics) -> None:
        self._lost = metrics.spans_lost
        self._counter = _CountingExporter(exporter, metrics)
        self._batches = BatchSpanProcessor(
            self._counter, max_queue_size=MAX_WAITING, schedule_delay_millis=1000, max_export_batch_size=512
        )
        self._handed = 0

    def on_start(self, span: Span, parent_context: object = None) -> None:
        """Nothing to do."""

    def on_end(self, span: ReadableSpan) -> None:
        if self._handed - self._counter.finished >= MAX_WAITING:
            self._lost.inc()
            return
        self._handed += 1
        self._batches.on_end(span)

    def shutdown(self) -> None:
        self._batches.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._batches.force_flush(timeout_millis)


class _CountingExporter(SpanExporter):
    def __init__(self, exporter: SpanExporter, metrics: Metrics) -> None:
        self._exporter = exporter
        self._metrics = metrics
        self._warned = 0.0
        self.finished = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        problem = "refused"
        try:
            result = self._exporter.export(spans)
        except Exception as error:  # whatever the HTTP client raises: lost spans are only logged
            result, problem = SpanExportResult.FAILURE, type(error).__name__
        self.finished += len(spans)
        if result is SpanExportResult.SUCCESS:
            self._metrics.spans_sent.inc(len(spans))
        else:
            self._metrics.spans_lost.inc(len(spans))
            self._warn(problem, len(spans))
        return result

    def _warn(self, problem: str, count: int) -> None:
        now = time.monotonic()
        if now - self._warned > 30:
            self._warned = now
            log.warning("tracing backend does not take spans (%s): %d lost in this batch", problem, count)

    def shutdown(self) -> None:
        self._exporter.shutdown()
