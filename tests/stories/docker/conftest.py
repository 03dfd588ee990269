"""Hosts whose Docker these stories break, upgrade and repair: those of scenario docker, and some of their own."""

from __future__ import annotations

import base64
import ipaddress
import json
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from docker_hosts import LOGIN, ROOT, SCENARIO, Machine, Repository


class Handler(SimpleHTTPRequestHandler):
    """Serves files, below `/private` to those who know the login; connections stay open, because apt takes a TLS connection that
    just ends for a fault.
    """

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with a file, or ask for the login."""
        if not self.path.startswith("/private/"):
            super().do_GET()
        elif self.headers.get("Authorization") == f"Basic {base64.b64encode(':'.join(LOGIN).encode()).decode()}":
            self.path = self.path.removeprefix("/private")
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def network() -> str:
    """Name of the hosts' network, with which the names of their containers begin."""
    if "JIUCOM_HOST" not in os.environ:
        pytest.skip("no host: run these tests by make stories SCENARIOS=docker")
    return str(json.loads(os.environ["JIUCOM_HOST"])["name"]).rpartition("-debian13")[0]


@pytest.fixture(scope="session")
def machines(network: str) -> Iterator[dict[str, Machine]]:
    """Create the hosts of the stories; yields them by name, with those of the scenario."""
    shared, scenario, own = (
        ROOT / "molecule/shared/inventory",
        SCENARIO / "inventory",
        Path(__file__).with_name("hosts.yml"),
    )
    environment = {"MOLECULE_PROJECT_DIRECTORY": str(ROOT), "MOLECULE_SCENARIO_DIRECTORY": str(SCENARIO)}
    found = {
        name: Machine(name, f"{network}-{name}", [shared, scenario, own], environment)
        for name in ("debian12", "debian13", "docker-ce", "fresh", "old")
    }
    everything = Machine("localhost,fresh,old", "", [shared, own], environment)
    created = everything.play(ROOT / "molecule/shared/create.yml")
    assert created.code == 0, created.said[-4000:]
    yield found
    everything.play(ROOT / "molecule/shared/destroy.yml")


@pytest.fixture(scope="session")
def repository(network: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    """Build packages in a first version, and serve them at this machine's address in the hosts' network."""
    inspected = ["docker", "network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", network]
    subnet = subprocess.run(inspected, capture_output=True, text=True, check=True).stdout.strip()
    address = str(next(ipaddress.ip_network(subnet).hosts()))
    root = tmp_path_factory.mktemp("repository")
    files = root / "linux/debian"
    key, certificate = root / "server.key", root / "server.crt"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=repository",
         "-addext", f"subjectAltName=IP:{address}", "-keyout", key, "-out", certificate],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer((address, 0), partial(Handler, directory=str(root))) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        served = Repository(files, f"{address}:{server.server_port}", certificate)
        served.publish("28.0.1-1")
        yield served
        server.shutdown()
