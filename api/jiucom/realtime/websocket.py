"""A session over a WebSocket: raw STOMP, or in SockJS's frames."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from starlette.types import Message, Receive, Scope, Send

from jiucom.realtime.outbox import Outbox, OutboxClosedError
from jiucom.realtime.protocols import ABORT, GRACE
from jiucom.realtime.session import Session

log = logging.getLogger(__name__)

# Time to write one message; a client that does not read it is disconnected (s).
WRITE_TIMEOUT = 5.0

_SUBPROTOCOLS = ("v12.stomp", "v11.stomp")


class Framing(Protocol):
    """Translates between STOMP text and messages of the WebSocket."""

    # The first message of the server.
    opening: str | None
    # After so many seconds without a message it sends `wrap([])`.
    idle: float | None

    def wrap(self, texts: list[str]) -> list[str]: ...
    def unwrap(self, message: str) -> str: ...
    def closing(self, code: int, reason: str) -> str | None: ...


class Raw:
    """No framing."""

    opening: str | None = None
    idle: float | None = None

    def wrap(self, texts: list[str]) -> list[str]:
        """One message per text."""
        return texts

    def unwrap(self, message: str) -> str:
        """The message."""
        return message

    def closing(self, code: int, reason: str) -> str | None:
        """None: the WebSocket has a close frame of its own."""
        return None


async def serve(scope: Scope, receive: Receive, send: Send, session: Session, framing: Framing) -> None:
    """Run `session` until either side ends it."""
    offered = scope.get("subprotocols", ())
    await receive()
    await send({"type": "websocket.accept", "subprotocol": next((p for p in _SUBPROTOCOLS if p in offered), None)})
    abort: Callable[[], None] = scope.get(ABORT, _nothing)
    writer = asyncio.create_task(_write(send, session.outbox, framing, abort))
    try:
        await _read(receive, session, framing)
    finally:
        session.end()
        await writer


async def _read(receive: Receive, session: Session, framing: Framing) -> None:
    """Receive until the connection is closed."""
    while (message := await receive())["type"] != "websocket.disconnect":
        try:
            text = framing.unwrap(_text(message))
        except ValueError as error:
            session.close(1007, str(error))
        else:
            await session.receive(text.encode())


def _text(message: Message) -> str:
    """Raises ValueError with the reason for the close frame (123 bytes at most, without parts of the message)."""
    text: str | None = message.get("text")
    if text is not None:
        return text
    try:
        return bytes(message["bytes"]).decode()
    except UnicodeDecodeError:
        raise ValueError("not UTF-8") from None


async def _write(send: Send, outbox: Outbox, framing: Framing, abort: Callable[[], None]) -> None:
    async def write(text: str) -> None:
        async with asyncio.timeout(WRITE_TIMEOUT):
            await send({"type": "websocket.send", "text": text})

    try:
        try:
            if framing.opening is not None:
                await write(framing.opening)
            while True:
                for text in framing.wrap(await outbox.take(framing.idle)):
                    await write(text)
        except OutboxClosedError as end:
            if (last := framing.closing(end.code, end.reason)) is not None:
                await write(last)
            async with asyncio.timeout(WRITE_TIMEOUT):
                await send({"type": "websocket.close", "code": end.code, "reason": end.reason})
            asyncio.get_running_loop().call_later(GRACE, abort)
    except TimeoutError:
        log.info("a client that does not read is disconnected")
        abort()
    except (OSError, RuntimeError) as error:
        # The connection is closed or closing.
        log.debug("not written: %s", error)
        abort()


def _nothing() -> None:
    """Where the server offers no way to abort."""
