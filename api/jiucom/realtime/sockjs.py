"""SockJS: its framing over WebSocket, and sessions over HTTP for clients behind proxies without WebSockets.

A session over HTTP lives on the replica that opened it, and the gateway sends all of its requests there. A replica that does
not know a session answers as the protocol requires, and the client begins a new one.
"""

import asyncio
import re
import secrets
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from jiucom.errors import ApiError, ErrorCode
from jiucom.realtime.outbox import OutboxClosedError
from jiucom.realtime.protocols import ABORT
from jiucom.realtime.session import Session
from jiucom.realtime.websocket import WRITE_TIMEOUT
from jiucom.web.body import read_body

HEARTBEAT = 25.0
# A streaming response ends after so many bytes, since browsers keep all of it; the client then sends the next request.
STREAM_LIMIT = 128 * 1024
POLL_LIMIT = 1
# A session ends when its client sends no further request for so long (s).
DISCONNECT_DELAY = 5.0

_PRELUDE = "h" * 2048 + "\n"
_MAX_BODY = 64 * 1024
_SESSION_ID = re.compile(r"[\w-]{1,64}", re.ASCII)

_NO_STORE = "no-store, no-cache, no-transform, must-revalidate, max-age=0"
_decode = msgspec.json.Decoder(list[str] | str).decode


class Frames:
    """SockJS's frames over a WebSocket."""

    opening: str | None = "o"
    idle: float | None = HEARTBEAT

    def wrap(self, texts: list[str]) -> list[str]:
        """One array frame."""
        return [_array(texts)]

    def unwrap(self, message: str) -> str:
        """The texts of an array, joined. Raises ValueError for anything else."""
        return _joined(message.encode()) if message else ""

    def closing(self, code: int, reason: str) -> str | None:
        """The close frame."""
        return _closing(code, reason)


async def welcome(scope: Scope, receive: Receive, send: Send) -> None:
    """The greeting that SockJS prescribes."""
    await PlainTextResponse("Welcome to SockJS!\n")(scope, receive, send)


async def info(scope: Scope, receive: Receive, send: Send) -> None:
    """The first request of a client."""
    body = {"websocket": True, "origins": ["*:*"], "cookie_needed": False, "entropy": secrets.randbits(32)}
    await JSONResponse(body, headers={"Cache-Control": _NO_STORE})(scope, receive, send)


class _Xhr:
    """A session over HTTP."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.attached = False
        self.expiry: asyncio.TimerHandle | None = None
        # Handles one request after the other.
        self.lock = asyncio.Lock()

    async def receive(self, text: str) -> None:
        async with self.lock:
            await self.session.receive(text.encode())


class Xhr:
    """The sessions over HTTP of this replica. `open_session` and `closed` count them; the first may raise ApiError."""

    def __init__(self, open_session: Callable[[Scope], Session], closed: Callable[[Session], None]) -> None:
        self._open_session = open_session
        self._closed = closed
        self._sessions: dict[str, _Xhr] = {}

    async def receive(self, session_id: str, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        """`xhr_streaming` and `xhr`: send the session's texts, up to `limit` bytes."""
        _check(session_id)
        xhr = self._sessions.get(session_id)
        fresh = xhr is None
        if xhr is None:
            xhr = self._sessions[session_id] = _Xhr(self._open_session(scope))
        stream = _Stream(scope, send, xhr.session.outbox.wake)
        prelude = _PRELUDE if limit > POLL_LIMIT else ""
        if xhr.attached:
            await stream.start(prelude)
            await stream.write(_closing(2010, "Another connection still open"))
            await stream.end()
            return
        # DISCONNECT_DELAY begins with the end of this response.
        xhr.attached = True
        if xhr.expiry:
            xhr.expiry.cancel()
        try:
            await stream.start(prelude)
            await self._stream(xhr, stream, receive, "o" if fresh else None, limit)
        except OutboxClosedError:
            self._end(session_id, xhr)
        except (TimeoutError, OSError):
            stream.abort()
            self._end(session_id, xhr)
            return
        finally:
            xhr.attached = False
            if session_id in self._sessions:
                self._expire_later(session_id, xhr)
        await stream.end()

    async def send(self, session_id: str, scope: Scope, receive: Receive, send: Send) -> None:
        """`xhr_send`: data of the client. Raises ApiError 404 for an unknown session."""
        xhr = self._sessions.get(session_id)
        if xhr is None:
            raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)
        body = await read_body(Request(scope, receive), _MAX_BODY)
        try:
            text = _joined(body)
        except ValueError:
            raise ApiError(ErrorCode.BAD_REQUEST, "문자열 배열(JSON)이 필요합니다.") from None
        await xhr.receive(text)
        await Response(status_code=204, media_type="text/plain; charset=UTF-8")(scope, receive, send)

    def stop(self) -> None:
        """End every session."""
        for session_id, xhr in tuple(self._sessions.items()):
            self._end(session_id, xhr)

    async def _stream(self, xhr: _Xhr, stream: "_Stream", receive: Receive, opening: str | None, limit: int) -> None:
        gone = asyncio.create_task(stream.watch(receive))
        try:
            if opening is not None:
                await stream.write(opening)
            while stream.sent < limit and not gone.done():
                texts = await xhr.session.outbox.take(HEARTBEAT)
                if gone.done():
                    # The next request sends them.
                    xhr.session.outbox.give_back(texts)
                    return
                await stream.write(_array(texts))
        except OutboxClosedError as end:
            await stream.write(_closing(end.code, end.reason))
            raise
        finally:
            gone.cancel()

    def _expire_later(self, session_id: str, xhr: _Xhr) -> None:
        xhr.expiry = asyncio.get_running_loop().call_later(DISCONNECT_DELAY, self._end, session_id, xhr)

    def _end(self, session_id: str, xhr: _Xhr) -> None:
        if self._sessions.pop(session_id, None) is None:
            return
        if xhr.expiry:
            xhr.expiry.cancel()
        xhr.session.end()
        self._closed(xhr.session)


class _Stream:
    """A streaming response."""

    def __init__(self, scope: Scope, send: Send, on_gone: Callable[[], None]) -> None:
        self.sent = 0
        self.abort: Callable[[], None] = scope.get(ABORT, lambda: None)
        self._send = send
        self._on_gone = on_gone
        self._gone = False

    async def start(self, prelude: str) -> None:
        headers = [
            (b"content-type", b"application/javascript; charset=UTF-8"),
            (b"cache-control", _NO_STORE.encode()),
            # nginx must not buffer the stream.
            (b"x-accel-buffering", b"no"),
        ]
        await self._send({"type": "http.response.start", "status": 200, "headers": headers})
        if prelude:
            await self._send({"type": "http.response.body", "body": prelude.encode(), "more_body": True})

    async def write(self, frame: str) -> None:
        body = frame.encode() + b"\n"
        self.sent += len(body)
        async with asyncio.timeout(WRITE_TIMEOUT):
            await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        if not self._gone:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def watch(self, receive: Receive) -> None:
        """Return when the client has disconnected."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._on_gone()


def _check(session_id: str) -> None:
    if not _SESSION_ID.fullmatch(session_id):
        raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)


def _joined(body: bytes) -> str:
    """The texts of an array, joined: a STOMP frame may be split between them."""
    try:
        found = _decode(body)
    except msgspec.MsgspecError as error:
        raise ValueError("broken JSON") from error
    return "".join(found)


def _array(texts: list[str]) -> str:
    """An array frame; a heart-beat without texts."""
    return "a" + msgspec.json.encode(texts).decode() if texts else "h"


def _closing(code: int, reason: str) -> str:
    return "c" + msgspec.json.encode([code, reason]).decode()
