"""An API that nginx does not reach, and a public name that leads elsewhere, are named from what nginx says (H2)."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.images import image

from .conftest import Start
from .diagnose import diagnose, told

REFUSED = "2026/11/27 10:00:00 [error] 7#7: *1 connect() failed (111: Connection refused) while connecting to upstream"


@pytest.fixture
def gateway() -> Iterator[Callable[[int], str]]:
    """Serve a status for every path; returns the URL."""
    servers = []

    def serve(status: int) -> str:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_faults_seen_in_answers_of_the_gateway(
    start: Start, name: str, tmp_path: Path, gateway: Callable[[int], str]
) -> None:
    logged = f"import time; print({REFUSED!r}); print('GET /doctor-word-of-this-run 404'); time.sleep(600)"
    start("nginx", image("python"), "-u", "-c", logged, options=("--entrypoint", "python3"))

    def look(status: int, **more: Any) -> list[dict[str, Any]]:
        given: dict[str, Any] = {
            "project": name,
            "path": str(tmp_path),
            "tls": "none",
            "public": "https://shop.invalid",
            "fetched": "HTTP Error 404",
        }
        return diagnose("gateway", gateway=gateway(status), **given, **more)

    while "refused" not in str(found := look(502)):  # until the container has said it
        pass
    assert told(found) == {("nginx", "nginx answers 502")}
    assert "Connection refused" in found[0]["seen"]
    assert look(200) == []
    assert look(200, token="doctor-word-of-this-run") == []
    found = look(200, token="doctor-another-word")
    assert told(found) == {("nginx", "public name does not lead here")}
    assert "HTTP Error 404, and nginx has not seen it" in found[0]["seen"]
    pair = look(502, token="doctor-another-word")
    assert told(pair) == {("nginx", "nginx answers 502"), ("nginx", "public name does not lead here")}
    closed = diagnose("gateway", project=name, path=str(tmp_path), tls="none", gateway="http://127.0.0.1:1")
    assert told(closed) == {("nginx", "gateway does not answer")}
