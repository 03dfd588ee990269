"""A private package index behind TLS by an authority of its own and a login: the environment says all that pip needs."""

from __future__ import annotations

import base64
import re
import shutil
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from modules import run

from tests.control.checkout import ROOT

LOGIN = base64.b64encode(b"shop:secret").decode()


class Index(SimpleHTTPRequestHandler):
    """Serves files to those who log in."""

    def do_GET(self) -> None:
        if self.headers.get("Authorization") == f"Basic {LOGIN}":
            super().do_GET()
            return
        self.send_response(401)
        self.send_header("WWW-Authenticate", "Basic realm=index")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Print nothing."""


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, str]:
    """Arguments of the module wheels for one package of the API's lock."""
    [entry] = re.findall(r"^markupsafe==(?:.*\\\n)+.*", (ROOT / "api/requirements.lock").read_text(), re.MULTILINE)
    (tmp_path / "requirements.lock").write_text(entry + "\n")
    given = {"name": "app", "architecture": "x86_64", "python_version": "3.13", "executable": sys.executable}
    return given | {"lock": str(tmp_path / "requirements.lock"), "cache": str(tmp_path / "cache")}


@pytest.fixture
def index(tmp_path: Path, wanted: dict[str, str]) -> Iterator[str]:
    """Serve the package's wheel as an index does; gives host and port. The authority is tmp_path/authority.crt."""
    [wheel] = Path(run("wheels", **wanted | {"cache": str(tmp_path / "first")})["path"]).iterdir()
    folder = tmp_path / "index/markupsafe"
    folder.mkdir(parents=True)
    shutil.copy(wheel, folder)
    (folder / "index.html").write_text(f'<a href="{wheel.name}">{wheel.name}</a>')
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=index", "-addext",
         "subjectAltName=IP:127.0.0.1", "-keyout", tmp_path / "key.pem", "-out", tmp_path / "authority.crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "authority.crt", tmp_path / "key.pem")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Index, directory=str(tmp_path / "index")))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("login", "trusted", "comes"),
    [("shop:secret@", True, True), ("", True, False), ("shop:secret@", False, False)],
    ids=["all of it", "no login", "another authority"],
)
def test_wheels_come_from_it(
    wanted: dict[str, str],
    index: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    login: str,
    trusted: bool,
    comes: bool,
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", f"https://{login}{index}/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    authorities = str(tmp_path / "authority.crt") if trusted else "/etc/ssl/certs/ca-certificates.crt"
    monkeypatch.setenv("PIP_CERT", authorities)
    # They win over PIP_CERT.
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    said = run("wheels", **wanted)
    assert said.get("failed", False) is not comes, said
    assert len(list((tmp_path / "cache").iterdir())) == comes
