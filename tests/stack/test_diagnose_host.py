"""What is wrong with the host, with Docker, the certificate and the backups is named, without Docker where it needs none (H2)."""

from __future__ import annotations

import http.server
import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .diagnose import diagnose, told

NOWHERE = {"DOCKER_HOST": "unix:///nonexistent.sock"}


def host(base: Path, **more: Any) -> list[dict[str, Any]]:
    given = {"path": str(base), "disks": [], "free_mb": 10, "ports": [], "stale": "", "several": False, **more}
    return diagnose("platform", environment=NOWHERE, **given)


def test_the_host(tmp_path: Path) -> None:
    """A disk that fills, a port that a stranger takes, a lock: each alone, two at a time, none."""
    assert told(host(tmp_path)) == {("host", "not installed")}
    assert host(tmp_path, several=True) == []
    (tmp_path / "compose.yaml").touch()
    assert host(tmp_path) == []
    assert told(host(tmp_path, stale="The lock of deploy was stale: its process has ended")) == {("host", "stale lock")}

    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", disk], check=True)
    try:
        assert host(tmp_path, disks=[str(disk), str(disk / "later")]) == []
        (disk / "full").write_bytes(b"\0" * (25 << 20))
        found = host(tmp_path, disks=[str(disk), str(disk / "later")])
        assert [fault["name"] for fault in found] == ["disk nearly full"]
        assert "has 5 of 30 MB free" in found[0]["seen"]
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            port = stranger.getsockname()[1]
            ports = [{"service": "app", "port": port, "variable": "platform_direct_port"}]
            found = host(tmp_path, disks=[str(disk)], ports=ports)
            assert told(found) == {("host", "disk nearly full"), ("nginx", "port taken")}
            assert f"listens on port {port}" in found[1]["seen"]
            assert "(process " in found[1]["seen"]
    finally:
        subprocess.run(["umount", disk], check=True)


class Engine(http.server.BaseHTTPRequestHandler):
    """Answers as an engine of a version; only its version is asked for."""

    def do_GET(self) -> None:
        body = json.dumps({"Version": "20.10.5", "ApiVersion": "1.41"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(str(self.server_address))
        self.server_name, self.server_port = "engine", 0

    def finish_request(self, request: Any, client_address: Any) -> None:
        Engine(request, ("engine", 0), self)


@pytest.fixture
def old_engine(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An engine that is too old."""
    path = str(tmp_path / "engine.sock")
    server = Server(path, Engine)  # type: ignore[arg-type]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {"DOCKER_HOST": f"unix://{path}"}
    server.shutdown()
    server.server_close()


def test_docker(tmp_path: Path, old_engine: dict[str, str]) -> None:
    given: dict[str, Any] = {"path": str(tmp_path), "oldest": {"version": "25.0", "compose": "2.24", "buildx": "0"}}
    assert diagnose("docker", **given) == []
    found = diagnose("docker", environment=old_engine, **given)
    assert told(found) == {("docker", "Docker out of range")}
    assert "Engine is 20.10.5, and 25.0 or newer is needed" in found[0]["seen"]
    assert diagnose("docker", environment=NOWHERE, **given) == []
    (tmp_path / "compose.yaml").touch()
    assert told(diagnose("docker", environment=NOWHERE, **given)) == {("docker", "Docker does not answer")}


@pytest.mark.parametrize(("began", "ends", "fault"), [(-80, 10, True), (-10, 80, False), (-90, -1, True)])
def test_the_certificate(tmp_path: Path, began: int, ends: int, fault: bool) -> None:
    """Days of its begin and end from now."""
    served = tmp_path / "tls/served"
    served.mkdir(parents=True)
    begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400)) for days in (began, ends))
    (tmp_path / "ca").mkdir()
    (tmp_path / "ca/index").touch()
    (tmp_path / "ca/config").write_text(
        f"[ca]\ndefault_ca = a\n[a]\nnew_certs_dir = {tmp_path}/ca\ndatabase = {tmp_path}/ca/index\nrand_serial = yes\n"
        "default_md = sha256\npolicy = p\n[p]\ncommonName = supplied\n"
    )
    (tmp_path / "make.sh").write_text(
        "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=shop -keyout key -out request\n"
        f"openssl ca -batch -selfsign -config ca/config -keyfile key -in request -startdate {begin} -enddate {end} -notext"
        " -out tls/served/gateway.pem\n"
    )
    subprocess.run(["sh", "-e", "make.sh"], cwd=tmp_path, check=True, capture_output=True)
    given: dict[str, Any] = {"project": "jiucom-nothing", "path": str(tmp_path), "gateway": "http://127.0.0.1:1"}
    found = diagnose("gateway", tls="acme", **given)
    assert told(found) == ({("nginx", "certificate near its end")} if fault else set())
    assert diagnose("gateway", tls="none", **given) == []
    if fault:
        assert "notAfter=" in found[0]["seen"]
        (tmp_path / "tls/state.json").write_text('{"fault": "port 80 there is not this gateway"}')
        assert "port 80 there is not this gateway" in diagnose("gateway", tls="acme", **given)[0]["seen"]


def backups(store: Path, enabled: bool = True, **state: float) -> set[tuple[str, str]]:
    (store / ".state.json").write_text(json.dumps(state))
    return told(diagnose("backup", environment=NOWHERE, store=str(store), enabled=enabled))


def test_the_backups(tmp_path: Path) -> None:
    """Each alone, two at a time, none."""
    now, day = time.time(), 86400
    fresh: dict[str, Any] = {
        "backup_success_timestamp_seconds": now - day,
        "restore_proved_timestamp_seconds": now - 6 * day,
    }
    old, unproved = (
        {"backup_success_timestamp_seconds": now - 2 * day},
        {"restore_proved_timestamp_seconds": now - 10 * day},
    )
    assert backups(tmp_path, **fresh) == set()
    assert backups(tmp_path, **fresh | old) == {("host", "backup too old")}
    assert backups(tmp_path, **fresh | unproved) == {("host", "drill too old")}
    assert backups(tmp_path, **fresh | old | unproved) == {("host", "backup too old"), ("host", "drill too old")}
    assert backups(tmp_path, **fresh | {"drill_failed": 1}) == {("host", "drill failed")}
    assert backups(tmp_path, **fresh | {"backup_unshipped": 2}) == {("host", "backup not shipped")}
    assert backups(tmp_path, enabled=False, **fresh | old) == set()
    # Before the first one, the age counts from when backups were turned on.
    assert backups(tmp_path, backup_since_timestamp_seconds=now - 2 * day) == {("host", "backup too old")}
