"""A real nginx with what the role gateway writes for it, before upstreams that answer little and close when asked to."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.models.containers import Container

from testing.images import image
from tests.role import run_role

# As much of an API and of a Zipkin as a gateway needs: traced answers, headers that only the gateway may send, no answer.
UPSTREAM = """
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
class Upstream(BaseHTTPRequestHandler):
    def do_GET(self):
        if "closed" in self.path:
            return
        self.send_response(404 if "missing" in self.path else 200)
        self.send_header("X-Frame-Options", "DENY")
        if self.server.server_port == 8080:
            self.send_header("X-Trace-Id", "0af7651916cd43dd8448eb211c80319c")
        self.send_header("X-Seen-Request-Id", self.headers["X-Request-Id"])
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Real-IP", "Authorization"):
            self.send_header("X-Seen-" + name, self.headers.get(name, ""))
        self.send_header("Content-Length", "0")
        self.end_headers()
    do_POST = do_GET
for port in (3000, 9411):
    Thread(target=ThreadingHTTPServer(("", port), Upstream).serve_forever, daemon=True).start()
ThreadingHTTPServer(("", 8080), Upstream).serve_forever()
"""
ADMIN_PASSWORD = "a-password-of-the-tests: with $igns"
TRACE = "0af7651916cd43dd8448eb211c80319c"


class Gateway:
    """The running nginx: its address, and its access log."""

    def __init__(self, container: Container, network: str) -> None:
        self.container = container
        container.reload()
        self.address = str(container.attrs["NetworkSettings"]["Networks"][network]["IPAddress"])
        self.url = f"http://{self.address}"

    def lines(self, upto: str) -> list[bytes]:
        """Return the log's lines as they are, once there is one with the words `upto`: nginx writes after it answers."""
        end = time.monotonic() + 10
        while upto not in (log := self.container.logs(stdout=True, stderr=False).decode()):
            assert time.monotonic() < end, f"no line with {upto} in {log[-2000:]}"
            time.sleep(0.1)
        return [line.encode() for line in log.splitlines()]

    def line(self, uri: str) -> dict[str, Any]:
        """Return what is logged of a request, by its unique path and query."""
        (found,) = [line for line in map(json.loads, self.lines(f'"uri":"{uri}"')) if line["uri"] == uri]
        return dict(found)


@contextmanager
def running_gateway(home: Path, **variables: Any) -> Iterator[Gateway]:
    """Run nginx with what the role writes for `variables`, before an upstream that answers for app, grafana and zipkin."""
    for parent in (home, home.parent, home.parent.parent):
        parent.chmod(0o755)  # nginx's user has to pass
    try:
        nginx, python = image("nginx"), image("python")
    except LookupError as missing:
        pytest.fail(str(missing))
    done = run_role(
        "gateway", home, {"images_resolved": {"nginx": {"reference": nginx, "pull_policy": ""}}, **variables}
    )
    assert done.returncode == 0, done.stdout
    client = docker.from_env()
    network = client.networks.create(home.name)
    containers: list[Container] = []

    def start(reference: str, aliases: list[str], **options: Any) -> Container:
        ends = {str(network.name): client.api.create_endpoint_config(aliases=aliases)}
        container = client.containers.create(reference, network=network.name, networking_config=ends, **options)
        containers.append(container)
        container.start()
        return container

    try:
        start(python, ["app", "grafana", "zipkin"], entrypoint=["python3", "-uc", UPSTREAM])
        mounts = {
            str(home / "jiucom/nginx/conf"): {"bind": "/etc/nginx/jiucom", "mode": "ro"},
            str(home / "jiucom/nginx/secrets"): {"bind": "/run/secrets", "mode": "ro"},
        }
        entrypoint = ["nginx", "-c", "/etc/nginx/jiucom/nginx.conf", "-g", "daemon off;"]
        running = start(nginx, ["nginx"], entrypoint=entrypoint, user="101:101", volumes=mounts)
        yield Gateway(running, str(network.name))
    finally:
        for container in containers:
            container.remove(force=True, v=True)
        network.remove()
        client.close()


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    variables: dict[str, Any] = {
        "gateway_max_body": "1k",
        "gateway_cors_origins": ["https://jiucom.example"],
        "gateway_admin_networks": ["192.0.2.0/24"],  # others than this machine
        "tracing_trusted_networks": [],
    }
    with running_gateway(tmp_path_factory.mktemp("gateway"), **variables) as running:
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
