"""A collector of spans on loopback."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Collector(ThreadingHTTPServer):
    """Keeps received spans. Its delay and status can be set."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.spans: list[dict[str, Any]] = []
        # Received spans, accepted or not.
        self.brought = 0
        self.delay = 0.0
        self.status = 202

    @property
    def endpoint(self) -> str:
        """Where spans are sent to."""
        return f"http://127.0.0.1:{self.server_address[1]}/api/v2/spans"

    def of(self, trace: str) -> list[dict[str, Any]]:
        """The spans of a trace."""
        return [span for span in self.spans if span["traceId"] == trace]


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        spans = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.brought += len(spans)
        time.sleep(self.server.delay)
        if self.server.status == 202:
            self.server.spans += spans
        # The client did not wait for the answer.
        with suppress(OSError):
            self.send_response(self.server.status)
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """No log."""


@contextmanager
def collecting() -> Iterator[Collector]:
    """A running collector."""
    with Collector() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
