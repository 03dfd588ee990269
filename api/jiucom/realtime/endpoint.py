"""Everything below `/ws`: routes each path to its transport."""

import asyncio

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from jiucom.auth.accounts import Accounts
from jiucom.auth.logins import Logins
from jiucom.auth.tokens import Tokens
from jiucom.cache.cluster import redis_client
from jiucom.db import Database
from jiucom.errors import ApiError, ErrorCode
from jiucom.realtime import sockjs, websocket
from jiucom.realtime.admission import Admission
from jiucom.realtime.delivery import Delivery
from jiucom.realtime.hub import Hub
from jiucom.realtime.outbox import Outbox
from jiucom.realtime.push import Stored
from jiucom.realtime.session import Session
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

PREFIX = "/ws"

# "Going away": clients reconnect at once, to another replica.
_GOING_AWAY = 1001


class Realtime:
    """An ASGI application, and its workers. `root` is the path where it is mounted."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        db: Database,
        tokens: Tokens,
        accounts: Accounts,
        stored: Stored,
        root: str,
    ) -> None:
        self._root = root
        self._open = metrics.websockets_open
        self._admission = Admission(settings, metrics)
        # Open sessions, with the addresses of their clients.
        self._sessions: dict[Session, str] = {}
        # A client of its own: an overload here must not open the circuit breaker that login limits use.
        self._redis = redis_client(settings, metrics)
        self._logins = Logins(db, tokens, accounts)
        self._stored = stored
        self._hub = Hub(accounts, settings.realtime_sessions_per_user)
        self._xhr = sockjs.Xhr(self._open_session, self._closed)
        self._delivery = Delivery(self._redis, self._hub, stored)
        # Call `push(pushes)` after the commit.
        self.push = self._delivery.push

    def start(self) -> None:
        """Start delivery and the checks of sessions."""
        self._delivery.start()
        self._hub.start()

    async def stop(self) -> None:
        """Stop them, and end all sessions over HTTP."""
        await self._hub.stop()
        self._xhr.stop()
        await self._delivery.stop()
        await self._redis.close()

    def close_all(self) -> None:
        """Tell every client to connect elsewhere."""
        for session in tuple(self._sessions):
            session.close(_GOING_AWAY, "going away")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ApiError 404, 405 or 429 over HTTP."""
        segments = scope["path"].removeprefix(self._root).strip("/").split("/")
        if scope["type"] == "websocket":
            await self._websocket(segments, scope, receive, send)
            return
        self._count(scope)
        match scope["method"], segments:
            case ("GET", [""]):
                await sockjs.welcome(scope, receive, send)
            case ("GET", ["info"]):
                await sockjs.info(scope, receive, send)
            case ("POST", [_, session_id, "xhr_streaming"]):
                await self._xhr.receive(session_id, scope, receive, send, sockjs.STREAM_LIMIT)
            case ("POST", [_, session_id, "xhr"]):
                await self._xhr.receive(session_id, scope, receive, send, sockjs.POLL_LIMIT)
            case ("POST", [_, session_id, "xhr_send"]):
                await self._xhr.send(session_id, scope, receive, send)
            case (_, [_, _, "xhr_streaming" | "xhr" | "xhr_send"]):
                raise ApiError(ErrorCode.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
            case (_, [""] | ["info"]):
                raise ApiError(ErrorCode.METHOD_NOT_ALLOWED, headers={"Allow": "GET"})
            case _:
                raise ApiError(ErrorCode.RESOURCE_NOT_FOUND)

    async def _websocket(self, segments: list[str], scope: Scope, receive: Receive, send: Send) -> None:
        framing: websocket.Framing
        match segments:
            case [""] | ["websocket"]:
                framing = websocket.Raw()
            case [_, _, "websocket"]:
                framing = sockjs.Frames()
            case _:
                await send({"type": "websocket.close"})
                return
        try:
            self._count(scope)
            session = self._open_session(scope)
        except ApiError as error:
            await receive()
            await Response(status_code=error.status, headers=error.headers)(scope, receive, send)
            return
        try:
            await websocket.serve(scope, receive, send, session, framing)
        finally:
            self._closed(session)

    def _count(self, scope: Scope) -> None:
        self._admission.request(scope["jiucom.client"], asyncio.get_running_loop().time())

    def _open_session(self, scope: Scope) -> Session:
        address = scope["jiucom.client"]
        self._admission.enter(address)
        session = Session(self._logins, self._hub, self._stored, Outbox())
        self._sessions[session] = address
        self._open.inc()
        return session

    def _closed(self, session: Session) -> None:
        self._admission.leave(self._sessions.pop(session))
        self._open.dec()
