"""Everything below `/ws`: which transport a path asks for."""

from functools import partial

from starlette.types import Receive, Scope, Send

from jiucom.auth.accounts import Accounts
from jiucom.auth.principal import authenticate
from jiucom.auth.tokens import Tokens
from jiucom.cache.redis import RedisClient
from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.domains.notifications.announce import Announced
from jiucom.errors import ApiError, ErrorCode
from jiucom.realtime import sockjs, websocket
from jiucom.realtime.bus import Bus
from jiucom.realtime.hub import Hub
from jiucom.realtime.outbox import Outbox
from jiucom.realtime.session import Session
from jiucom.telemetry.metrics import Metrics
from jiucom.web.routing import CONTEXT_PATH

PREFIX = "/ws"

# Going away: clients come back at once, to another replica.
_GOING_AWAY = 1001


class Realtime:
    """An ASGI application, and the worker behind it."""

    def __init__(
        self, db: Database, redis: RedisClient, tokens: Tokens, accounts: Accounts, clock: Clock, metrics: Metrics
    ) -> None:
        self._authenticate = partial(authenticate, tokens=tokens, accounts=accounts)
        self._open = metrics.websockets_open
        self._sessions: set[Session] = set()
        self._bus = Bus(redis)
        self._hub = Hub(self._bus, accounts, clock)
        self._xhr = sockjs.Xhr(self._open_session, self._closed, self._bus)
        db.events.subscribe(Announced, self._hub.announced)

    def start(self) -> None:
        """Begin to hear other replicas."""
        self._bus.start()
        self._hub.start()

    async def stop(self) -> None:
        """End what `start` began."""
        await self._hub.stop()
        await self._xhr.stop()
        await self._bus.stop()

    def close_all(self) -> None:
        """Tell every client to connect elsewhere."""
        for session in tuple(self._sessions):
            session.close(_GOING_AWAY, "going away")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ApiError 404 or 405 over HTTP."""
        segments = scope["path"].removeprefix(CONTEXT_PATH + PREFIX).strip("/").split("/")
        if scope["type"] == "websocket":
            await self._websocket(segments, scope, receive, send)
            return
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
        session = self._open_session()
        try:
            await websocket.serve(scope, receive, send, session, framing)
        finally:
            self._closed(session)

    def _open_session(self) -> Session:
        session = Session(self._authenticate, self._hub, Outbox())
        self._sessions.add(session)
        self._open.inc()
        return session

    def _closed(self, session: Session) -> None:
        self._sessions.discard(session)
        self._open.dec()
