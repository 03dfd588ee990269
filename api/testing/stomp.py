"""A plain STOMP client for what well-behaved ones never do: it sends any frame and shows what comes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from jiucom.realtime.frames import Frame, Parser, encode

USER_QUEUE = "/user/queue/notifications"


class Stomp:
    """One connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._parser = Parser()
        self._frames: list[Frame] = []

    async def send(self, command: str, body: bytes = b"", /, **headers: str) -> None:
        """A frame; `accept_version` is the header `accept-version`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        await self.socket.send(encode(Frame(command, named, body)))

    async def receive(self, seconds: float = 5) -> Frame:
        """The next frame. Raises TimeoutError, or ConnectionClosed."""
        async with asyncio.timeout(seconds):
            while not self._frames:
                message = await self.socket.recv()
                self._frames += self._parser.feed(message.encode() if isinstance(message, str) else message)
        return self._frames.pop(0)

    async def connect(self, token: str, **headers: str) -> Frame:
        """Say who we are; the answer."""
        await self.send("CONNECT", Authorization=f"Bearer {token}", **{"accept_version": "1.1,1.2", **headers})
        return await self.receive()

    async def subscribe(self, destination: str = USER_QUEUE, id: str = "0") -> None:
        """Subscribe, and wait until that is true."""
        await self.send("SUBSCRIBE", id=id, destination=destination, receipt=f"sub-{id}")
        answer = await self.receive()
        if answer.headers.get("receipt-id") != f"sub-{id}" or answer.command != "RECEIPT":
            raise RuntimeError(f"not subscribed: {answer}")

    async def closed(self, seconds: float = 5) -> int | None:
        """The code of the close that follows. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.socket.recv()
            except ConnectionClosed:
                return self.socket.close_code


@asynccontextmanager
async def stomp(url: str, path: str = "/ws/websocket", *subprotocols: str, **options: Any) -> AsyncIterator[Stomp]:
    """A connection to `url` (a replica's base)."""
    offered = [Subprotocol(each) for each in subprotocols] or None
    async with connect(url.replace("http", "ws", 1) + path, subprotocols=offered, **options) as socket:
        yield Stomp(socket)
