"""The outermost middleware: metrics, server span, request log and `X-Trace-Id`."""

import logging
import time

from opentelemetry.trace import Span, Status, StatusCode
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from jiucom.paths import CONTEXT_PATH
from jiucom.telemetry import b3
from jiucom.telemetry.client import Gateway
from jiucom.telemetry.http_metrics import HttpMetrics
from jiucom.telemetry.tracing import Trace, Tracing

log = logging.getLogger("jiucom.request")

# Polled by machines, or static: not traced, and logged only when they fail.
_QUIET = tuple(f"{CONTEXT_PATH}{path}" for path in ("/actuator", "/swagger-ui", "/swagger-ui.html", "/v3/api-docs"))
_QUIET_BELOW = tuple(f"{path}/" for path in _QUIET)

# Long-lived streams: their durations would distort those of requests.
_ENDLESS = frozenset({"/ws/**"})
# Path prefixes of requests that the gauge of running requests leaves out. The route is not known yet when a request begins.
_UNCOUNTED = (f"{CONTEXT_PATH}/actuator", f"{CONTEXT_PATH}/ws/")


class Observe:
    """Reads `jiucom.route` (set by the router) and `jiucom.exception` (set by Failures) from the scope."""

    def __init__(self, app: ASGIApp, metrics: HttpMetrics, tracing: Tracing, gateway: Gateway) -> None:
        self.app = app
        self.metrics = metrics
        self.tracing = tracing
        self.gateway = gateway

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        scope["jiucom.client"] = self.gateway.client_address(scope)
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        method: str = scope["method"]
        quiet = _is_quiet(method, scope["path"])
        trace = self.tracing.begin(b3.extract(scope["headers"]), f"http {method.lower()}", traced=not quiet)
        status = 0
        trace_header = (b"x-trace-id", trace.hex_id.encode())

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), trace_header]
            await send(message)

        exception = "none"
        counted = not scope["path"].startswith(_UNCOUNTED)
        self.metrics.running += counted
        try:
            await self.app(scope, receive, watch)
        except BaseException as error:
            exception = type(error).__name__
            raise
        finally:
            self.metrics.running -= counted
            seconds = time.perf_counter() - started
            route: str | None = scope.get("jiucom.route")
            exception = scope.get("jiucom.exception", exception)
            if route not in _ENDLESS:
                self.metrics.observe(method, route, status, exception, seconds)
            if trace.span is not None:
                _end(trace.span, scope, route, status, exception)
            if not quiet or not 0 < status < 400:
                self._log(scope, status, seconds, trace, exception)

    def _log(self, scope: Scope, status: int, seconds: float, trace: Trace, exception: str) -> None:
        level = logging.INFO if 0 < status < 400 else logging.WARNING if 400 <= status < 500 else logging.ERROR
        if not log.isEnabledFor(level):
            return
        query = scope["query_string"].decode("latin-1")
        fields = {
            "method": scope["method"],
            "uri": f"{scope['path']}?{query}" if query else scope["path"],
            "status": status,
            "ms": round(seconds * 1000, 1),
            "client": scope["jiucom.client"],
            "traceId": trace.hex_id,
        }
        if request_id := self.gateway.request_id(scope):
            fields["requestId"] = request_id
        if exception != "none":
            fields["exception"] = exception
        log.log(level, "request", extra={"fields": fields})


def _is_quiet(method: str, path: str) -> bool:
    # With the slash, so that "/actuatorx" is not quiet.
    return method in ("GET", "HEAD") and (path in _QUIET or path.startswith(_QUIET_BELOW))


def _end(span: Span, scope: Scope, route: str | None, status: int, exception: str) -> None:
    method = scope["method"]
    span.update_name(f"http {method.lower()} {route}" if route else f"http {method.lower()}")
    span.set_attribute("http.request.method", method)
    span.set_attribute("url.scheme", scope["scheme"])
    span.set_attribute("url.path", scope["path"])
    span.set_attribute("client.address", scope["jiucom.client"])
    if route:
        span.set_attribute("http.route", route)
    if status:
        span.set_attribute("http.response.status_code", status)
    if status >= 500 or not status:
        name = exception if exception != "none" else str(status)
        span.set_attribute("error.type", name)
        span.set_status(Status(StatusCode.ERROR, name))
    span.end()
