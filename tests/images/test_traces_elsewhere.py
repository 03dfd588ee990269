"""H3.3: traces in an Elasticsearch of the operator's own, over TLS and with an account.

There is none to be had here: something answers as one does when all is well, and keeps what Zipkin and the jobs send.
"""

from __future__ import annotations

import base64
import datetime
import ipaddress
import json
import ssl
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import docker
import jinja2
import pytest
from ansible_collections.jiucom.platform.plugins.filter.java import java_truststore
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from trace_jobs.settings import Settings
from trace_jobs.store import Store, StoreError

from .service import Directory, Start, eventually
from .store import ROLE, request, send, zipkin

USER, PASSWORD = "traces", "back\\slash and: blank"


class Elasticsearch(ThreadingHTTPServer):
    """Keeps the bulks it is sent by those who know the password."""

    def __init__(self, address: str, directory: Path) -> None:
        super().__init__((address, 0), _Handler)
        self.bulks: list[str] = []
        self.strangers = 0
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(_certificate(address, directory))
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Quiet: a client that does not trust the certificate is part of the test."""


def _certificate(address: str, directory: Path) -> Path:
    """Write a key with a certificate that it has signed itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "elasticsearch")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    pem = made.public_bytes(serialization.Encoding.PEM)
    (directory / "ca.pem").write_bytes(pem)
    (directory / "server.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *plain))
    return directory / "server.pem"


class _Handler(BaseHTTPRequestHandler):
    server: Elasticsearch

    def _body(self) -> str:
        # A bulk's length is not known before it ends.
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks).decode()

    def do_GET(self) -> None:
        body = self._body()
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {login}"
        if known and self.path.startswith("/_bulk"):
            self.server.bulks.append(body)
        self.server.strangers += not known
        says = {"version": {"number": "8.11.0"}, "status": "green", "errors": False, "acknowledged": True, "items": []}
        content = json.dumps(says if known else {"error": "who are you?"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self) -> None:
        self.do_GET()

    def do_PUT(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def elasticsearch(daemon: docker.DockerClient, network: str, tmp_path: Path) -> Iterator[Elasticsearch]:
    address = daemon.networks.get(network).attrs["IPAM"]["Config"][0]["Gateway"]
    with Elasticsearch(address, tmp_path) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def url(server: Elasticsearch) -> str:
    return f"https://{server.server_address[0]!s}:{server.server_address[1]}"


def test_zipkin_with_account_and_authorities(
    start: Start, directory: Directory, elasticsearch: Elasticsearch, tmp_path: Path
) -> None:
    template = (ROLE / "templates/elasticsearch.properties.j2").read_text()
    environment = jinja2.Environment()  # noqa: S701 - configuration, not HTML
    environment.filters["comment"] = lambda text: f"# {text}"
    account = environment.from_string(template).render(
        tracing_elasticsearch_user=USER, tracing_elasticsearch_password=PASSWORD
    )
    authorities = base64.b64decode(java_truststore((tmp_path / "ca.pem").read_text()))
    tracer = zipkin(start, directory, url(elasticsearch), ca=authorities, account=account)
    trace = uuid.uuid4().hex
    send(tracer, request(trace))
    eventually(lambda: any(trace in bulk for bulk in elasticsearch.bulks), 20)
    assert '"UP"' in tracer.http(9411, "/health")[1]
    assert elasticsearch.strangers == 0


def test_the_jobs_with_account_and_authorities(elasticsearch: Elasticsearch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    hosts = ["https://127.0.0.1:1", url(elasticsearch)]
    known = {"user": USER, "password": str(tmp_path / "password"), "ca": str(tmp_path / "ca.pem")}
    settings = Settings(hosts, "zipkin", 3, 9412, **known)
    assert Store(settings).ask("/_cluster/health")["status"] == "green", "the second host, as the first is away"
    Store(settings).write("zipkin-dependency-2026-01-01", {"a|b|00": {"parent": "a"}})
    assert elasticsearch.bulks == [
        '{"index": {"_index": "zipkin-dependency-2026-01-01", "_id": "a|b|00"}}\n{"parent": "a"}\n'
    ]

    (tmp_path / "password").write_text("another")
    with pytest.raises(StoreError, match="401"):
        Store(settings).ask("/_cluster/health")
    with pytest.raises(StoreError, match="CERTIFICATE_VERIFY_FAILED"):
        Store(Settings(hosts, "zipkin", 3, 9412)).ask("/_cluster/health")
