"""Every answer can be looked up in the gateway's log, and carries the security headers (C3, E6), whoever gave it."""

from __future__ import annotations

import json
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import yaml

from tests.role import ROOT

from .conftest import TRACE, running_gateway
from .network import Gateway

SECURITY = yaml.safe_load((ROOT / "roles/gateway/vars/main/main.yml").read_text())["_gateway_security_headers"]
PREFLIGHT = {"Origin": "https://jiucom.example", "Access-Control-Request-Method": "POST"}
ID = re.compile("[0-9a-f]{32}")


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, transport=httpx.HTTPTransport(retries=10)) as opened:
        yield opened


def sole(answer: httpx.Response, name: str) -> str:
    """Return the value of a header that must be there once."""
    (value,) = answer.headers.get_list(name)
    return str(value)


def unique(path: str) -> str:
    return f"{path}?{secrets.token_hex(8)}"


def own(client: httpx.Client, path: str, status: int) -> httpx.Response:
    """Have nginx give an answer of its own."""
    if status == 413:
        return client.post(path, content=b"x" * 2000)
    if status == 204:
        return client.options(path, headers=PREFLIGHT)
    while (answer := client.get(path)).status_code == 200 and status == 429:
        pass
    return answer


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 302),
        ("/zipkin", 301),
        ("/nothing", 404),
        ("/grafana/login", 403),
        ("/api/v1/upload", 413),
        ("/api/v1/preflight", 204),
        ("/api/v1/flood", 429),
        ("/api/v1/actuator/health/closed", 502),
    ],
)
def test_the_gateway_s_own_answers_have_the_id_of_their_line_in_the_log(
    gateway: Gateway, client: httpx.Client, path: str, status: int
) -> None:
    asked = unique(path)
    answer = own(client, asked, status)
    assert answer.status_code == status
    trace = sole(answer, "X-Trace-Id")
    assert ID.fullmatch(trace)
    lines = map(json.loads, gateway.lines(trace))
    assert [(line["uri"], line["status"]) for line in lines if line["trace_id"] == trace] == [(asked, status)]


def test_health_has_an_id_and_no_line(client: httpx.Client) -> None:
    assert ID.fullmatch(sole(client.get("/health"), "X-Trace-Id"))


# Where no limit is: another test's flood does not count.
@pytest.mark.parametrize("path", ["/api/v1/actuator/health", "/api/v1/actuator/health/missing", "/api/v1/ws/info"])
def test_the_api_s_answers_keep_their_trace(gateway: Gateway, client: httpx.Client, path: str) -> None:
    asked = unique(path)
    answer = client.get(asked)
    assert sole(answer, "X-Trace-Id") == TRACE
    line = gateway.line(asked)
    assert line["trace_id"] == TRACE
    assert line["request_id"] == answer.headers["X-Seen-Request-Id"] != TRACE


@pytest.mark.parametrize("path", ["/", "/health", "/nothing", "/grafana/", "/api/v1/parts", "/api/v1/missing"])
def test_security_headers_are_on_every_answer_once(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert {name: sole(answer, name) for name in SECURITY} == SECURITY


def say(gateway: Gateway, request: bytes) -> bytes:
    """Send bytes as they are, and return the answer until the gateway closes."""
    with socket.create_connection((gateway.address, 80), timeout=10) as connection:
        connection.sendall(request)
        answer = b""
        # A gateway that refuses early may have closed by now.
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        with suppress(ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


REQUESTS = [
    b'GET /nothing?"quoted"\\back HTTP/1.1\r\nHost: x\r\nUser-Agent: "a" \\ \t b\r\nConnection: close\r\n\r\n',
    "GET /nothing?부품 HTTP/1.1\r\nHost: x\r\nUser-Agent: 한글\r\nConnection: close\r\n\r\n".encode(),
    b"GET /nothing?\xff\xfe HTTP/1.1\r\nHost: x\r\nUser-Agent: \xe9\r\nConnection: close\r\n\r\n",
    b"GET /%00%1b%0a%22?%0d%01 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",  # TLS, where there is none
    b"nonsense \x01\x7f\r\n\r\n",
    b"GET /without-a-version\r\n",
    b"GET /half HTT",
    b"GET /headers HTTP/1.1\r\nHost: x\r\nUser-Age",
    b"POST /api/v1/parts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
    b"POST /api/v1/parts HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n",
    b"",
]


def test_every_line_of_the_log_is_json(gateway: Gateway, client: httpx.Client) -> None:
    for request in REQUESTS:
        say(gateway, request)
    last = unique("/nothing")
    client.get(last)
    lines = gateway.lines(last)
    wrong = []
    for line in lines:
        try:
            json.loads(line)
        except ValueError as fault:
            wrong.append(f"{fault}: {line!r}")
    assert wrong == []
    assert len(lines) >= len(REQUESTS), "all but the empty one are logged, and the last"


UNREADABLE = {
    400: b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n",
    405: b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    414: b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    # nginx's own number for headers that are too large is told as 400.
    494: b"GET / HTTP/1.1\r\nHost: x\r\nX-Large: " + b"x" * 40_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("status", UNREADABLE)
def test_requests_that_nginx_refuses_get_the_api_s_shape(gateway: Gateway, status: int) -> None:
    head, _, body = say(gateway, UNREADABLE[status]).partition(b"\r\n\r\n")
    told = 400 if status == 494 else status
    assert head.startswith(f"HTTP/1.1 {told} ".encode())
    assert b"application/json" in head
    assert head.lower().count(b"x-content-type-options: nosniff") == 1
    error = json.loads(body)
    assert error["success"] is False
    assert error["code"] == f"JIUCOM-{told}"


def test_the_direct_port_serves_pages_of_allowed_origins(gateway: Gateway) -> None:
    """F2: a front end's developer works on this port; its errors have the API's shape, too."""
    direct = f"{gateway.url}:8080/api/v1/parts"
    preflight = httpx.options(direct, headers=PREFLIGHT)
    assert (preflight.status_code, sole(preflight, "Access-Control-Allow-Origin")) == (204, PREFLIGHT["Origin"])
    stranger = httpx.get(direct, headers={"Origin": "https://stranger.example"})
    assert stranger.status_code == 200
    assert "Access-Control-Allow-Origin" not in stranger.headers
    too_large = httpx.post(direct, content=b"x" * 2000)
    assert (too_large.status_code, too_large.json()["code"]) == (413, "JIUCOM-413")


def test_maintenance_refuses_in_the_api_s_shape_except_monitoring(tmp_path: Path) -> None:
    """The state of the host, not of the inventory: the role writes what platform_host says."""
    with running_gateway(
        tmp_path, tracing_trusted_networks=[], platform_host={"maintenance": True}, gateway_maintenance_retry=90
    ) as gateway:
        refused = httpx.get(f"{gateway.url}/api/v1/parts")
        assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (
            503,
            "JIUCOM-503",
            "90",
        )
        assert refused.headers["X-Frame-Options"] == "SAMEORIGIN"
        assert httpx.post(f"{gateway.url}/api/v1/posts").status_code == 503
        for path in ("/health", "/api/v1/actuator/health", "/zipkin/"):
            assert httpx.get(f"{gateway.url}{path}").status_code == 200, path


def test_the_backups_metrics_are_served_inside_the_network_alone(gateway: Gateway) -> None:
    write = "mkdir -p /var/lib/jiucom-backup && echo jiucom_backup_failed 0 > /var/lib/jiucom-backup/metrics"
    assert gateway.container.exec_run(["sh", "-c", write], user="root").exit_code == 0
    answer = httpx.get(f"http://{gateway.address}:8081/backup/metrics")
    assert (answer.status_code, answer.text) == (200, "jiucom_backup_failed 0\n")
    # Prometheus 3 refuses what has no type.
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "jiucom_backup" not in httpx.get(f"{gateway.url}/backup/metrics").text
