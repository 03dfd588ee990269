"""A way to a real registry on which answers are replaced: what a registry in trouble says, for single images and for a while."""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "MANIFEST_UNKNOWN", 429: "TOOMANYREQUESTS"}


class Proxy(ThreadingHTTPServer):
    """Passes requests on; `troubles` are [part of the path, status, how often]."""

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.troubles: list[tuple[str, int, int]] = []
        self.seen: list[str] = []
        self.lock = threading.Lock()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def trouble(self, path: str, status: int, times: int = 10**6) -> None:
        """Answer requests whose path has this part with a status, that many times."""
        self.troubles.append((path, status, times))

    def next_trouble(self, path: str) -> int:
        """Return the status to give instead of passing a request on; 0 passes it on."""
        with self.lock:
            self.seen.append(path)
            for n, (part, status, times) in enumerate(self.troubles):
                if part in path and times > 0:
                    self.troubles[n] = (part, status, times - 1)
                    return status
        return 0


class _Handler(BaseHTTPRequestHandler):
    server: Proxy
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = self.server.next_trouble(self.path)
        headers: list[tuple[str, str]] = [("Content-Type", "application/json")]
        if status:
            body = json.dumps({"errors": [{"code": CODES.get(status, "UNKNOWN"), "message": "made up"}]}).encode()
        else:
            connection = http.client.HTTPConnection(self.server.upstream, timeout=30)
            # Docker names each type of manifest that it takes in a header of its own.
            wanted = {
                name: ", ".join(self.headers.get_all(name) or [])
                for name in ("Accept", "Range")
                if name in self.headers
            }
            connection.request(self.command, self.path, headers=wanted)
            answer = connection.getresponse()
            status, body = answer.status, answer.read()
            headers = [(k, v) for k, v in answer.getheaders() if k.lower() not in ("transfer-encoding", "connection")]
            connection.close()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextlib.contextmanager
def proxied(upstream: str) -> Iterator[Proxy]:
    with Proxy(upstream) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
