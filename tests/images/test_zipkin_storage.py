"""E5: Zipkin on Elasticsearch, by its variables alone. No Elasticsearch can be had here: what Zipkin sends one is looked at,
by something that answers as one does when all is well."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import docker
import pytest

from .service import Start, eventually


class Elasticsearch(ThreadingHTTPServer):
    """Keeps the bulks it is sent."""

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.bulks: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Elasticsearch

    def do_GET(self) -> None:
        # A bulk's length is not known before it ends.
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            self.server.bulks.append(b"".join(chunks).decode())
        says = {"version": {"number": "8.11.0"}, "status": "green", "errors": False, "acknowledged": True, "items": []}
        content = json.dumps(says).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def elasticsearch(daemon: docker.DockerClient, network: str) -> Iterator[Elasticsearch]:
    address = daemon.networks.get(network).attrs["IPAM"]["Config"][0]["Gateway"]
    with Elasticsearch(address) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_zipkin_on_elasticsearch(start: Start, elasticsearch: Elasticsearch) -> None:
    host, port = elasticsearch.server_address[:2]
    zipkin = start(
        "zipkin",
        user="1000:1000",
        environment={
            "STORAGE_TYPE": "elasticsearch",
            "ES_HOSTS": f"http://{host!s}:{port}",
            "JAVA_OPTS": "-Xms96m -Xmx160m -XX:+ExitOnOutOfMemoryError",
        },
        tmpfs={"/tmp": ""},
    )
    zipkin.healthy("wget -q -O - -T 3 http://127.0.0.1:9411/health | grep -q UP", 90)
    assert "ElasticsearchStorage" in zipkin.http(9411, "/health")[1]
    trace = uuid.uuid4().hex
    span = {"traceId": trace, "id": trace[:16], "name": "probe", "timestamp": int(time.time() * 1e6), "duration": 10}
    assert zipkin.http(9411, "/api/v2/spans", "POST", [span])[0] == 202
    eventually(lambda: any(trace in bulk for bulk in elasticsearch.bulks), 20)
