#!/usr/bin/python
"""Look at the gateway from outside: C1, C3 to C8, E6, H3.1."""

from __future__ import annotations

import base64
import gzip
import json
import os
import re
import socket
import ssl
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from ansible_collections.jiucom.platform.plugins.module_utils.checks import (
    UNVERIFIED,
    Checks,
    Seen,
    administrator,
    containers,
    docker,
    eventually,
    http_request,
)

DOCUMENTATION = r"""
module: gateway_check
short_description: Check the gateway
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- gateway_check: {expected: {gateway: 'http://127.0.0.1', project: jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_gateway.}"

checks = Checks("gateway")
# Answers of each kind: the gateway's own, those of the services behind it, errors of both.
PATHS = (
    "/",
    "/health",
    "/api/v1/parts",
    "/api/v1/parts/0",
    "/api/v1/nothing",
    "/nothing",
    "/grafana/login",
    "/zipkin/",
)

# Renewed at a third; below a quarter it has failed several times (as the alert CertificateEnding).
LEAST = 0.25
OLD = [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1]
NEW = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]


@checks.check("C1", "the manual's routes lead where it says")
def routes(expected: dict[str, Any]) -> Seen:
    base = expected["gateway"]
    health = http_request(f"{base}/health")
    root = http_request(f"{base}/")
    seen = {
        "/health": f"{health.status} {health.body.decode()}",
        "/": f"{root.status} {root.header('Location')}",
        "/api/v1/parts": str(http_request(f"{base}/api/v1/parts").status),
        "/grafana/login": str(http_request(f"{base}/grafana/login").status),
        "/zipkin/": str(http_request(f"{base}/zipkin/", headers=administrator(expected)).status),
    }
    wanted = ["200 OK", "302 /api/v1/swagger-ui.html", "200", "200", "200"]
    return list(seen.values()) == wanted, ", ".join(f"{path} {answer}" for path, answer in seen.items())


@checks.check("C3", "security headers on every answer, errors included, each once")
def headers(expected: dict[str, Any]) -> Seen:
    wrong = []
    for path in PATHS:
        answer = http_request(expected["gateway"] + path)
        for name, value in expected["headers"].items():
            if answer.headers.get(name.lower()) != [value]:
                wrong.append(f"{path} {name}: {answer.headers.get(name.lower())}")
    return not wrong, "; ".join(wrong) or f"{len(expected['headers'])} headers on {len(PATHS)} answers"


@checks.check("E6", "an X-Trace-Id on every answer, the gateway's own included, each once")
def traced(expected: dict[str, Any]) -> Seen:
    seen = {path: http_request(expected["gateway"] + path).headers.get("x-trace-id", []) for path in PATHS}
    wrong = [f"{path}: {ids}" for path, ids in seen.items() if len(ids) != 1 or not ids[0]]
    return not wrong, "; ".join(wrong) or f"{len(PATHS)} answers"


@checks.check("C4", "preflights are answered at the gateway, for the inventory's origins alone")
def cors(expected: dict[str, Any]) -> Seen:
    def preflight(origin: str) -> tuple[int, str]:
        answer = http_request(
            f"{expected['gateway']}/api/v1/parts",
            "OPTIONS",
            {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization",
            },
        )
        return answer.status, answer.header("Access-Control-Allow-Origin")

    allowed, strange = expected["origins"], "https://stranger.example"
    any_origin = "*" in allowed
    seen = preflight(strange)
    passed = seen == (204, strange) if any_origin else seen[1] == ""
    for origin in [] if any_origin else allowed:
        passed = passed and preflight(origin) == (204, origin)
    return passed, f"{strange}: {seen[0]} {seen[1] or 'no origin allowed'}; inventory: {allowed}"


def connect(url: str, preface: bytes = b"") -> socket.socket:
    """Connect to where a URL leads, by TLS where it says so; the `preface` goes before that."""
    parts = urlsplit(url)
    port = parts.port or {"https": 443}.get(parts.scheme, 80)
    plain = socket.create_connection((parts.hostname or "", port), timeout=10)
    plain.sendall(preface)
    return UNVERIFIED.wrap_socket(plain) if parts.scheme == "https" else plain


@checks.check("C5", "a connection is upgraded to WebSocket")
def upgrade(expected: dict[str, Any]) -> Seen:
    address = urlsplit(expected["gateway"])
    with connect(expected["gateway"]) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        connection.sendall(
            f"GET /api/v1/ws/websocket HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n".encode()
        )
        status = connection.recv(4096).decode(errors="replace").splitlines()[0]
    return " 101 " in status, status


@checks.check("C6", "JSON is compressed")
def compressed(expected: dict[str, Any]) -> Seen:
    answer = http_request(f"{expected['gateway']}/api/v1/v3/api-docs", headers={"Accept-Encoding": "gzip"})
    plain = gzip.decompress(answer.body) if answer.header("Content-Encoding") == "gzip" else b""
    return bool(plain), f"{len(plain)} bytes as {len(answer.body)}"


@checks.check("C7", "the client's own address is what the gateway sees")
def address(expected: dict[str, Any]) -> Seen:
    answer = http_request(f"{expected['gateway']}/api/v1/parts/categories", headers={"X-Forwarded-For": "203.0.113.9"})
    trace, found = answer.header("X-Trace-Id"), {"client": ""}

    def look() -> Seen:
        log = docker("logs", "--since", "60s", containers(expected["project"])["nginx"][0]["Id"])
        for line in log.splitlines():
            if trace and trace in line:
                found.update(json.loads(line))
                return True, ""
        return False, ""

    eventually(look, seconds=5)
    return found["client"] not in ("", "203.0.113.9"), f"the gateway saw {found['client']}, and the trace {trace}"


def answered(url: str, preface: bytes = b"") -> str:
    """Ask for /health after the `preface`; returns the status line, empty where the connection is closed without one."""
    try:
        with connect(url, preface) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(4096).decode(errors="replace").partition("\r\n")[0]
    except (ConnectionError, ssl.SSLError):
        return ""


@checks.check("C7", "with the PROXY protocol, the published port answers those alone who begin with it")
def proxied(expected: dict[str, Any]) -> Seen:
    if not expected["proxied"]:
        return True, "gateway_proxy_protocol is false"
    seen = (
        answered(expected["proxied"]),
        answered(expected["proxied"], b"PROXY TCP4 203.0.113.9 203.0.113.1 4711 80\r\n"),
    )
    return seen == ("", "HTTP/1.1 200 OK"), f"without: {seen[0] or 'closed'}; with: {seen[1] or 'closed'}"


@checks.check("C8", "Grafana's and Zipkin's pages find their assets under their sub-paths")
def assets(expected: dict[str, Any]) -> Seen:
    wrong, count = [], 0
    for path in ("/grafana/login", "/zipkin/"):
        # Grafana has its own login, and would take the gateway's password for a wrong one.
        headers = administrator(expected) if path == "/zipkin/" else {}
        page = http_request(expected["gateway"] + path, headers=headers).body.decode()
        base = re.search(r'<base href="([^"]+)"', page)
        for link in re.findall(r'(?:src|href)="([^"#]+\.(?:js|css|png|svg|ico))"', page):
            url = urljoin(urljoin(expected["gateway"] + path, base[1] if base else ""), link)
            answer = http_request(expected["gateway"] + urlsplit(url).path, headers=headers)
            count += 1
            if answer.status != 200:
                wrong.append(f"{link} of {path}: {answer.status}")
    return not wrong and count > 0, "; ".join(wrong) or f"{count} assets answer 200"


@checks.check("C8", "the way without a slash leads to the same pages")
def slashes(expected: dict[str, Any]) -> Seen:
    seen = {p: http_request(expected["gateway"] + p).header("Location") for p in ("/grafana", "/zipkin")}
    return seen == {"/grafana": "/grafana/", "/zipkin": "/zipkin/"}, str(seen)


def handshake(expected: dict[str, Any], version: ssl.TLSVersion | None = None) -> tuple[bytes, str, str]:
    """Shake hands by the public name; returns the certificate, the protocol, and what was agreed on above it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2", "http/1.1"])
    if version:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = context.maximum_version = version
    parts = urlsplit(expected["gateway"])
    with (
        socket.create_connection((parts.hostname or "", parts.port or 443), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=expected["names"][0]) as connection,
    ):
        der = connection.getpeercert(binary_form=True) or b""
        return der, connection.version() or "", connection.selected_alpn_protocol() or ""


def speaks(expected: dict[str, Any], version: ssl.TLSVersion) -> bool:
    """Return whether the gateway accepts a version of TLS."""
    try:
        return bool(handshake(expected, version))
    except OSError:
        return False


@checks.check("H3.1", "the certificate that is served is the one in place, was renewed, and has time left")
def certificate(expected: dict[str, Any]) -> Seen:
    if expected["tls"] == "none":
        return True, "gateway_tls is none: the gateway speaks HTTP, and what is in front of it TLS"
    directory = Path(expected["path"]) / "tls"
    state = json.loads((directory / "state.json").read_text())
    pem = (directory / "served/gateway.pem").read_text().partition("-----END CERTIFICATE-----")
    served = handshake(expected)[0]
    left = (state["not_after_seconds"] - time.time()) / (state["not_after_seconds"] - state["not_before_seconds"])
    wrong = []
    if served != ssl.PEM_cert_to_DER_cert(f"{pem[0]}{pem[1]}\n"):
        wrong.append("the gateway serves another certificate than served/gateway.pem: certificate.py renew")
    if left < LEAST:
        wrong.append(f"{left:.0%} of its lifetime are left")
    if expected["tls"] == "acme" and state["self_signed"]:
        wrong.append("no authority has given one yet, it is self-signed")
    wrong += [state["fault"]] if state["fault"] else []
    kind = "self-signed" if state["self_signed"] else expected["tls"]
    return not wrong, "; ".join(wrong) or f"{state['serial']} ({kind}), {left:.0%} of its lifetime left"


@checks.check("H3.1", "a timer looks after the certificate")
def timer(expected: dict[str, Any]) -> Seen:
    if expected["tls"] == "none" or not expected["timer"]:
        return True, "none is needed" if expected["tls"] == "none" else "cron, where no systemd runs"
    command = ["systemctl", "is-active", expected["timer"]]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return said == "active", f"{expected['timer']} is {said}"


@checks.check("H3.1", "HTTP leads to HTTPS, TLS is 1.2 or 1.3, and HTTP/2 is offered")
def spoken(expected: dict[str, Any]) -> Seen:
    if expected["tls"] == "none":
        return True, "gateway_tls is none"
    versions = [version.name for version in OLD + NEW if speaks(expected, version)]
    answer = http_request(f"{expected['http']}/api/v1/parts")
    seen = (answer.status, answer.header("Location"), handshake(expected)[2], versions)
    wanted = (301, f"{expected['public']}/api/v1/parts", "h2", [version.name for version in NEW])
    return seen == wanted, f"{seen[0]} to {seen[1]}, {seen[2]}, {', '.join(versions)}"


if __name__ == "__main__":
    checks.run()
