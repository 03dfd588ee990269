"""Requests that a proxy and a server could read in two ways: each is answered 400, and none is passed on."""

from __future__ import annotations

import secrets
import socket

import httpx
import pytest

from .network import Gateway

# Each begins with what stands for the path. The rest, a body among it, follows at once, as it does in an attack.
HOST = b" HTTP/1.1\r\nHost: x\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
BODY = b"\r\n0\r\n\r\nGET /api/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
AMBIGUOUS = {
    "length and chunks": HOST + b"Content-Length: 4\r\n" + CHUNKED + BODY,
    "chunks and length": HOST + CHUNKED + b"Content-Length: 4\r\n" + BODY,
    "chunks in HTTP/1.0": b" HTTP/1.0\r\nHost: x\r\n" + CHUNKED + BODY,
    "two lengths": HOST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
    "the same length twice": HOST + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nabcd",
    "a list of lengths": HOST + b"Content-Length: 4, 4\r\n\r\nabcd",
    "a length with a plus": HOST + b"Content-Length: +4\r\n\r\nabcd",
    "a length below 0": HOST + b"Content-Length: -4\r\n\r\nabcd",
    "a hexadecimal length": HOST + b"Content-Length: 0x4\r\n\r\nabcd",
    "a length of nothing": HOST + b"Content-Length: \r\n\r\nabcd",
    "a length that no number holds": HOST + b"Content-Length: 99999999999999999999\r\n\r\nabcd",
    "length, blank, colon": HOST + b"Content-Length : 4\r\n\r\nabcd",
    "coding, blank, colon": HOST + b"Transfer-Encoding : chunked\r\n" + BODY,
    "coding, tab, colon": HOST + b"Transfer-Encoding\t: chunked\r\n" + BODY,
    "a blank before the name": HOST + b" Transfer-Encoding: chunked\r\n" + BODY,
    "a folded coding": HOST + b"Transfer-Encoding:\r\n chunked\r\n" + BODY,
    "a folded header": HOST + b"X-A: a\r\n b\r\n\r\n",
    "an unknown coding": HOST + b"Transfer-Encoding: xchunked\r\n" + BODY,
    "no coding at all, and a length": HOST + b"Transfer-Encoding: identity\r\nContent-Length: 4\r\n\r\nabcd",
    "chunked and another": HOST + b"Transfer-Encoding: chunked, identity\r\n" + BODY,
    "chunked twice in a list": HOST + b"Transfer-Encoding: chunked, chunked\r\n" + BODY,
    "compressed chunks": HOST + b"Transfer-Encoding: gzip, chunked\r\n" + BODY,
    "two codings": HOST + CHUNKED + CHUNKED + BODY,
    "two different codings": HOST + CHUNKED + b"Transfer-Encoding: identity\r\n" + BODY,
    "a coding behind a control character": HOST + b"Transfer-Encoding: \x0bchunked\r\n" + BODY,
    "a coding that ends with zero": HOST + b"Transfer-Encoding: chunked\x00\r\n" + BODY,
    "a coding in quotes": HOST + b'Transfer-Encoding: "chunked"\r\n' + BODY,
    "a carriage return alone": HOST + b"X-A: a\rTransfer-Encoding: chunked\r\n" + BODY,
    "zero in a value": HOST + b"X-A: a\x00b\r\n\r\n",
    "a control character in a name": HOST + b"X\x01A: a\r\n\r\n",
    "a header without a name": HOST + b": a\r\n\r\n",
    "no host": b" HTTP/1.1\r\n\r\n",
    "two hosts": b" HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
    "a host of nothing": b" HTTP/1.1\r\nHost: \r\n\r\n",
    "a host with a path": b" HTTP/1.1\r\nHost: x/y\r\n\r\n",
    "a host with a blank": b" HTTP/1.1\r\nHost: x y\r\n\r\n",
    "a host with a user": b" HTTP/1.1\r\nHost: x@y\r\n\r\n",
    "a list of hosts": b" HTTP/1.1\r\nHost: x, y\r\n\r\n",
    "a blank in the path": b" y" + HOST + b"\r\n",
    "a part of the page": b"#y" + HOST + b"\r\n",
    "HTTP/2 in words": b" HTTP/2.0\r\nHost: x\r\n\r\n",
    "no version": b"\r\n",
    "a chunk of no number": HOST + CHUNKED + b"\r\nzz\r\nabc\r\n0\r\n\r\n",
    "a chunk with 0x": HOST + CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk below 0": HOST + CHUNKED + b"\r\n-3\r\nabc\r\n0\r\n\r\n",
    "a chunk that no number holds": HOST + CHUNKED + b"\r\nfffffffffffffffff3\r\nabc\r\n0\r\n\r\n",
    "chunks with line feeds alone": HOST + CHUNKED + b"\r\n3\nabc\n0\n\n",
    "a chunk longer than it says": HOST + CHUNKED + b"\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a line feed in a chunk's extension": HOST + CHUNKED + b"\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
}


def answer(gateway: Gateway, request: bytes) -> bytes:
    """Send bytes as they are; returns everything that comes back until the gateway closes."""
    with socket.create_connection((gateway.address, 80), timeout=30) as connection:
        connection.sendall(request)
        return connection.makefile("rb").read()


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_ambiguous_requests_end_at_the_gateway(gateway: Gateway, name: str) -> None:
    path = f"/api/v1/actuator/health?{secrets.token_hex(8)}"
    method = b"POST " if b"\r\n\r\n" in AMBIGUOUS[name] and not AMBIGUOUS[name].endswith(b"\r\n\r\n") else b"GET "
    said = answer(gateway, method + path.encode() + AMBIGUOUS[name])
    # HTTP/0.9 knows no status line.
    assert said.startswith((b"HTTP/1.1 400 ", b'{"success":false,"code":"JIUCOM-400"')), said[:200]
    assert said.count(b"HTTP/1.1 ") <= 1, "nothing behind it is read as a request"
    assert b"JIUCOM-400" in said
    last = f"/nothing?{secrets.token_hex(8)}"
    httpx.get(gateway.url + last)
    log = b"\n".join(gateway.lines(last))
    assert b"/smuggled" not in log
    asked = [line for line in log.splitlines() if path.encode() in line]
    assert all(b'"upstream":""' in line for line in asked), asked


def test_two_host_headers(gateway: Gateway) -> None:
    path = f"http://a/api/v1/actuator/health?{secrets.token_hex(8)}"
    for host, status in (("b", 400), ("a.b", 400), ("a", 200), ("A:80", 200)):
        said = answer(gateway, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert said.startswith(f"HTTP/1.1 {status} ".encode()), (host, said[:100])


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/v1/actuator/health HTTP/1.0\r\n\r\n",
        b"GET /api/v1/actuator/health HTTP/1.1\r\nHost: [2001:db8::1]:80\r\nConnection: close\r\n\r\n",
        b"GET /api/v1/actuator/health HTTP/1.1\r\nHost: shop.example.kr.:80\r\nConnection: close\r\n\r\n",
        "GET /api/v1/actuator/health?q=그래픽%20카드 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
        b"GET /api/v1/actuator/health%20/x%23y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"POST /api/v1/actuator/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        + CHUNKED
        + b"\r\n3\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_unusual_requests_with_one_meaning_pass(gateway: Gateway, request_: bytes) -> None:
    assert answer(gateway, request_).startswith(b"HTTP/1.1 200 ")


def test_http_2_without_tls_is_not_begun_with_the_api(gateway: Gateway) -> None:
    """A client that has it upgraded would talk to the API past the gateway's rules."""
    upgrade = {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}
    seen = httpx.get(f"{gateway.url}/api/v1/ws/info", headers=upgrade)
    assert (seen.status_code, seen.headers["X-Seen-Upgrade"]) == (200, "")
    socket_ = httpx.get(f"{gateway.url}/api/v1/ws/info", headers={"Upgrade": "WebSocket", "Connection": "Upgrade"})
    assert socket_.headers["X-Seen-Upgrade"] == "websocket"
