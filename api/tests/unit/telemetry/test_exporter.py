"""Every span is counted as sent or lost (E3)."""

import threading
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from jiucom.telemetry.exporter import MAX_WAITING, CountingProcessor
from jiucom.telemetry.metrics import Metrics


class Blocked(SpanExporter):
    """Takes nothing until it is told to."""

    def __init__(self) -> None:
        self.free = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.free.wait(10)
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing to close."""


def counts(metrics: Metrics) -> tuple[float, float]:
    names = ("jiucom_spans_sent_total", "jiucom_spans_lost_total")
    sent, lost = (metrics.registry.get_sample_value(name) or 0 for name in names)
    return sent, lost


def test_spans_beyond_the_queue_are_lost_and_the_rest_is_sent() -> None:
    exporter, metrics = Blocked(), Metrics()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(CountingProcessor(exporter, metrics))
    tracer = provider.get_tracer("test")
    for _ in range(MAX_WAITING + 100):
        tracer.start_span("x").end()
    assert counts(metrics) == (0, 100)
    exporter.free.set()
    provider.force_flush()
    assert counts(metrics) == (MAX_WAITING, 100)
    # There is room again.
    tracer.start_span("x").end()
    provider.force_flush()
    assert counts(metrics) == (MAX_WAITING + 1, 100)
    provider.shutdown()
