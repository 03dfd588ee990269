"""Traces: the sampling decision, the span of a request, and the spans below it.

Spans exist only for sampled requests: an unsampled request costs no more than an id.
"""

import random
import threading
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.util.types import AttributeValue

from jiucom.telemetry import b3
from jiucom.telemetry.exporter import make_processor
from jiucom.telemetry.metrics import Metrics

# The process must end within the container's grace period, even if Zipkin does not answer (s).
SHUTDOWN_TIMEOUT = 3.0

_NO_PARENT = Context()


@dataclass(frozen=True, slots=True)
class Trace:
    """The trace of the current request; `span` is None when it is not sampled."""

    trace_id: int
    span_id: int
    span: Span | None
    context: Context
    tracer: trace.Tracer

    @property
    def hex_id(self) -> str:
        """The id as people and Zipkin write it."""
        return f"{self.trace_id:032x}"


_current: ContextVar[Trace | None] = ContextVar("jiucom.trace", default=None)


class Tracing:
    """The tracer of an application. `rate` (0 to 1) may change at run time."""

    def __init__(self, *, endpoint: str, service: str, rate: float, metrics: Metrics) -> None:
        self.rate = rate
        self._provider = TracerProvider(
            # `begin` decides, before a span exists.
            sampler=ALWAYS_ON,
            resource=Resource({SERVICE_NAME: service}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(make_processor(endpoint, metrics))
        self._tracer = self._provider.get_tracer("jiucom")

    def begin(
        self, incoming: b3.Incoming, name: str, *, traced: bool = True, kind: SpanKind = SpanKind.SERVER
    ) -> Trace:
        """The trace of a new request, continued from the caller's where there is one, and made the current one.

        With `traced=False` (scrapes, health checks) it is recorded only if the caller's headers say so.
        """
        sampled = incoming.sampled
        if sampled is None:
            sampled = traced and self.rate > 0 and (self.rate >= 1 or random.random() < self.rate)  # noqa: S311
        span = None
        if sampled:
            parent = _remote(incoming) if incoming.trace_id else _NO_PARENT
            span = self._tracer.start_span(name, parent, kind=kind)
            ids = span.get_span_context()
            started = Trace(ids.trace_id, ids.span_id, span, trace.set_span_in_context(span, _NO_PARENT), self._tracer)
        else:
            trace_id = incoming.trace_id or random.getrandbits(128) or 1
            started = Trace(trace_id, random.getrandbits(64) or 1, None, _NO_PARENT, self._tracer)
        _current.set(started)
        return started

    def resume(self, reference: str | None, name: str) -> Span | None:
        """The span of background work caused by a request (`reference`), as the current trace; None when it was not recorded."""
        if not reference:
            return None
        return self.begin(b3.extract([(b"b3", reference.encode())]), name, kind=SpanKind.CONSUMER).span

    def shutdown(self) -> None:
        """Send the waiting spans, for SHUTDOWN_TIMEOUT seconds at most. Blocks: call it in a thread."""
        thread = threading.Thread(target=self._provider.shutdown, name="tracing-shutdown", daemon=True)
        thread.start()
        thread.join(SHUTDOWN_TIMEOUT)


def current() -> Trace | None:
    """The trace of the current request."""
    return _current.get()


def child(name: str, kind: SpanKind = SpanKind.CLIENT, **attributes: AttributeValue) -> Span | None:
    """A span below the current request's, for the caller to end with `finish`; None when nothing is recorded.

    Attribute names are written with `_` for `.`, as in `db_system_name`.
    """
    running = _current.get()
    if running is None or running.span is None:
        return None
    span = running.tracer.start_span(name, running.context, kind=kind)
    for key, value in attributes.items():
        span.set_attribute(key.replace("_", "."), value)
    return span


def finish(span: Span | None, error: BaseException | None = None) -> None:
    """End a span of `child`."""
    if span is None:
        return
    if error is not None:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(Status(StatusCode.ERROR, type(error).__name__))
    span.end()


def reference() -> str | None:
    """The current trace for `Tracing.resume`, as a single B3 header; None when nothing is recorded."""
    running = _current.get()
    return f"{running.trace_id:032x}-{running.span_id:016x}-1" if running and running.span else None


def _remote(incoming: b3.Incoming) -> Context:
    context = SpanContext(
        incoming.trace_id, incoming.span_id, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED)
    )
    return trace.set_span_in_context(NonRecordingSpan(context), _NO_PARENT)
