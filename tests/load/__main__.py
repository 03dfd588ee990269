"""Open-loop load through a gateway, which counts every request that fails: nothing but Python's own library, to run on a host.

    python3 -m tests.load --url http://172.30.80.10 --rate 200 --seconds 60 --sources 172.30.80.100 172.30.80.101 ... --token ...

Requests begin at their times, however long earlier ones take, over connections that are kept; three of ten write a post. Each
is sent once. A client that sees its connection closed before it sends takes another one, as every client does.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import select
import signal
import ssl
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

READS = ("/api/v1/parts?category=CPU", "/api/v1/parts/categories", "/api/v1/posts", "/api/v1/parts/1")


@dataclass
class Result:
    """What happened."""

    sent: int = 0
    written: int = 0
    failed: list[str] = field(default_factory=list)
    # How many failed by the answer's status, 0 without an answer; how many of those answers were not JSON; and when they
    # began (s after the load began), of which the first and the last are printed.
    statuses: Counter[int] = field(default_factory=Counter)
    not_json: int = 0
    failing: list[float] = field(default_factory=list)
    slowest: float = 0.0
    closes: list[int] = field(default_factory=list)
    away: list[float] = field(default_factory=list)
    sockets: int = 0


class Connection:
    """A kept HTTP/1.1 connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.kept = True

    @property
    def usable(self) -> bool:
        """Whether nothing says that the other side has closed it."""
        # Over TLS a connection that was closed has no socket any more.
        opened = self.writer.get_extra_info("socket")
        if not self.kept or opened is None or self.reader.at_eof() or self.writer.is_closing():
            return False
        # An idle connection with something to read has been closed, also where our loop has not come to read it yet.
        return not select.select([opened], [], [], 0)[0]

    async def ask(self, head: bytes, body: bytes) -> tuple[int, bytes]:
        """Send a request and read its answer."""
        self.writer.write(head + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        if headers.get("transfer-encoding") == "chunked":
            content = b""
            while size := int(await self.reader.readuntil(b"\r\n"), 16):
                content += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        else:
            content = await self.reader.readexactly(int(headers.get("content-length", 0)))
        self.kept = headers.get("connection", "").lower() != "close"
        return int(lines[0].split()[1]), content


class Load:
    """The requests of some clients, each with an address of its own."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options, self.result = options, Result()
        target = urlsplit(options.url)
        self.tls = unverified() if target.scheme == "https" else None
        self.host, self.port = str(target.hostname), target.port or (443 if self.tls else 80)
        self.free: dict[str, list[Connection]] = {source: [] for source in options.sources}
        self.stop = asyncio.Event()
        self.began = 0.0

    async def open(self, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect from an address."""
        return await asyncio.open_connection(self.host, self.port, local_addr=(source, 0), ssl=self.tls)

    def request(self, number: int) -> tuple[bytes, bytes]:
        """Make a request."""
        write = number % 10 < 3
        post = {"title": f"load {self.options.mark} {number}", "content": "부하 시험의 글입니다.", "boardType": "FREE"}
        body = json.dumps(post).encode() if write else b""
        path = "/api/v1/posts" if write else random.choice(self.options.reads)
        head = f"{'POST' if write else 'GET'} {path} HTTP/1.1\r\nHost: {self.host}\r\nUser-Agent: load\r\n"
        if write:
            head += f"Authorization: Bearer {self.options.token}\r\nContent-Type: application/json\r\n"
            head += f"Content-Length: {len(body)}\r\n"
        return f"{head}\r\n".encode(), body

    async def one(self, number: int) -> None:
        """Send one request, once."""
        source = self.options.sources[number % len(self.options.sources)]
        began, stage = time.monotonic(), "connect"
        head, body = self.request(number)
        try:
            async with asyncio.timeout(30):
                pool = self.free[source]
                while pool and not pool[-1].usable:
                    pool.pop().writer.close()
                stage = "kept connection" if pool else "new connection"
                connection = pool.pop() if pool else Connection(*await self.open(source))
                status, content = await connection.ask(head, body)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as fault:
            self.fail(began, 0, f"{head.split(b' HTTP')[0].decode()}, {stage}: {fault!r}")
            return
        if not 200 <= status < 300:
            self.fail(began, status, f"{head.split(b' HTTP')[0].decode()}: {status} {content[:200]!r}")
            self.result.not_json += not is_json(content)
        elif body:
            self.result.written += 1
        self.result.slowest = max(self.result.slowest, time.monotonic() - began)
        if connection.usable:
            pool.append(connection)
        else:
            connection.writer.close()

    def fail(self, began: float, status: int, text: str) -> None:
        """Count a request that failed."""
        self.result.failed.append(f"{time.time():.2f} {text}")
        self.result.statuses[status] += 1
        self.result.failing.append(round(began - self.began, 2))

    async def listen(self, source: str) -> None:
        """Hold a WebSocket open, and come back when it is closed."""
        left = 0.0
        while not self.stop.is_set():
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                reader, writer = await self.open(source)
                key = base64.b64encode(os.urandom(16)).decode()
                writer.write(
                    f"GET /api/v1/ws/websocket HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n".encode()
                )
                answer = await reader.readuntil(b"\r\n\r\n")
                if b" 101 " in answer[:20]:
                    frame = f"CONNECT\naccept-version:1.2\nAuthorization:Bearer {self.options.token}\n\n\0".encode()
                    writer.write(bytes([0x81, 0x80 | 126]) + struct.pack("!H", len(frame)) + bytes(4) + frame)
                    await self.hear(reader, writer, left)
                    left = time.monotonic()
                writer.close()
            # As STOMP clients do: not all at once.
            await asyncio.sleep(random.uniform(0.1, 2.0))

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: float) -> None:
        """Read frames until the close; the first one says that we are connected."""
        first = True
        while True:
            one, two = await reader.readexactly(2)
            size = two & 127
            if size > 125:
                size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8))
            payload = await reader.readexactly(size)
            if one & 15 == 8:
                self.result.closes.append(int.from_bytes(payload[:2]))
                return
            if one & 15 == 9:
                writer.write(bytes([0x8A, 0x80 | size]) + bytes(4) + payload)
            if first and payload.startswith(b"CONNECTED"):
                first = False
                self.result.sockets += 1
                if left:
                    self.result.away.append(round(time.monotonic() - left, 2))

    async def run(self) -> Result:
        """Send requests until the time is over or a signal comes."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.stop.set)
        listeners = [
            asyncio.create_task(self.listen(self.options.sources[n % len(self.options.sources)]))
            for n in range(self.options.sockets)
        ]
        self.began, tasks = time.monotonic(), set[asyncio.Task[None]]()
        while not self.stop.is_set() and time.monotonic() - self.began < self.options.seconds:
            due = self.began + self.result.sent / self.options.rate
            await asyncio.sleep(max(0, due - time.monotonic()))
            task = asyncio.create_task(self.one(self.result.sent))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            self.result.sent += 1
        await asyncio.gather(*tasks)
        self.stop.set()
        for listener in listeners:
            listener.cancel()
        return self.result


def unverified() -> ssl.SSLContext:
    """Return TLS that takes any certificate: a self-signed one is meant."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def is_json(content: bytes) -> bool:
    """Tell whether an answer's body is JSON."""
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def main() -> None:
    """Run, and print what happened as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--sources", nargs="+", required=True)
    parser.add_argument("--sockets", type=int, default=0)
    parser.add_argument("--token", required=True)
    parser.add_argument("--mark", default="")
    parser.add_argument("--reads", nargs="+", default=READS)
    result: dict[str, Any] = vars(asyncio.run(Load(parser.parse_args()).run()))
    result["slowest"] = round(result["slowest"], 3)
    failing = result["failing"]
    result |= {"failures": len(failing), "failed": result["failed"][:5], "failing": [*failing[:1], *failing[-1:]]}
    print(json.dumps(result))


if __name__ == "__main__":
    main()
