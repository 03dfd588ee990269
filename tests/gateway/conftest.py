"""A real nginx with what the role gateway writes for it, before upstreams that answer little and close when asked to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from testing.images import image

from .network import Gateway, network

# As much of an API and of a Zipkin as a gateway needs: traced answers, headers that only the gateway may send, no answer,
# answers that do not end or are large, and which of several it is.
UPSTREAM = """
import socket, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
class Upstream(BaseHTTPRequestHandler):
    def do_GET(self):
        if "closed" in self.path:
            return
        if "silent" in self.path:
            time.sleep(60)
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("X-Frame-Options", "DENY")
        if self.server.server_port == 8080:
            self.send_header("X-Trace-Id", "0af7651916cd43dd8448eb211c80319c")
        self.send_header("X-Seen-Request-Id", self.headers["X-Request-Id"])
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Authorization", "Upgrade"):
            self.send_header("X-Seen-" + name, self.headers.get(name, ""))
        self.send_header("X-Replica", socket.gethostname())
        large = 8_000_000 if "large" in self.path else 0
        self.send_header("Content-Length", "1" if "held" in self.path else str(large))
        self.end_headers()
        self.wfile.write(b"x" * large)
        if "held" in self.path:
            time.sleep(60)
    do_POST = do_GET
class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512
for port in (3000, 9090, 9411):
    Thread(target=Server(("", port), Upstream).serve_forever, daemon=True).start()
Server(("", 8080), Upstream).serve_forever()
"""
ADMIN_PASSWORD = "a-password-of-the-tests: with $igns"
TRACE = "0af7651916cd43dd8448eb211c80319c"


# How the gateway is set up where a test says nothing else.
VARIABLES: dict[str, Any] = {
    "gateway_max_body": "1k",
    "gateway_cors_origins": ["https://jiucom.example"],
    "gateway_admin_networks": ["192.0.2.0/24"],  # others than this machine
    "tracing_trusted_networks": [],
    "backup_enabled": True,
}


@contextmanager
def running_gateway(home: Path, upstreams: int = 1, **variables: Any) -> Iterator[Gateway]:
    """Run nginx with what the role writes for `variables`, before so many of the API, one of which is grafana and zipkin, too."""
    try:
        python, _ = image("python"), image("nginx")
    except LookupError as missing:
        pytest.fail(str(missing))
    with network(home.name) as net:
        for aliases in [["app", "grafana", "zipkin"]] + [["app"]] * (upstreams - 1):
            net.start(python, aliases, entrypoint=["python3", "-uc", UPSTREAM])
        yield net.gateway(home, variables)


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway"), **VARIABLES) as running:
        yield running


@pytest.fixture(scope="package")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that trusts this machine as a proxy, and knows an administrator by a password."""
    variables: dict[str, Any] = {
        "gateway_trusted_proxies": ["172.16.0.0/12", "192.168.0.0/16"],  # where Docker puts this machine
        "gateway_admin_users": {"operator": ADMIN_PASSWORD},
        "gateway_rate_limit": 1,
        "gateway_rate_burst": 3,
        "tracing_trusted_networks": [],
    }
    with running_gateway(tmp_path_factory.mktemp("proxied"), **variables) as running:
        yield running
