"""One STOMP conversation, over whatever transport: frames come in, answers go to its outbox."""

import asyncio
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from jiucom.auth.principal import Principal
from jiucom.errors import ApiError, ErrorCode
from jiucom.realtime.frames import Frame, FrameError, Parser, encode
from jiucom.realtime.outbox import Outbox

log = logging.getLogger(__name__)

VERSIONS = ("1.2", "1.1")
USER_DESTINATION = "/user/queue/notifications"

# What we can do and what we want, in both directions (ms).
HEARTBEAT = 10_000
# Networks are late now and then; twice the promised time is dead.
_TOLERANCE = 2.0
# Who opens a connection has this long to say who they are (s).
CONNECT_TIMEOUT = 10.0
_MAX_SUBSCRIPTIONS = 8

# What the client can do and what it wants (ms): up to eleven days.
_HEARTBEAT = re.compile(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*")

_POLICY, _NORMAL = 1008, 1000


class Registry(Protocol):
    """Where sessions of known users stand, to be delivered to."""

    def add(self, user_id: int, session: "Session") -> None: ...
    def remove(self, user_id: int, session: "Session") -> None: ...


Authenticate = Callable[[str], Awaitable[Principal]]


class Session:
    """Lives from the opening of a connection to `end`. Mistakes of the client are ERROR frames, never exceptions."""

    def __init__(self, authenticate: Authenticate, registry: Registry, outbox: Outbox) -> None:
        self.outbox = outbox
        self._authenticate = authenticate
        self._registry = registry
        self._parser = Parser()
        self._token = ""
        self._principal: Principal | None = None
        # Subscription id -> destination, and whether its messages want an `ack` header.
        self._subscriptions: dict[str, tuple[str, bool]] = {}
        self._messages = 0
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._patience = CONNECT_TIMEOUT
        self._watchdog = self._loop.call_later(CONNECT_TIMEOUT, self._watch)

    async def receive(self, data: bytes) -> None:
        """What the client sent, in order: wait for one call before the next. Nothing is heard after the end."""
        if self.outbox.finished:
            return
        self._heard = self._loop.time()
        frame: Frame | None = None
        try:
            for frame in self._parser.feed(data):
                if self.outbox.finished:
                    return
                await self._handle(frame)
        except FrameError as error:
            self._fail("malformed", str(error))
        except ApiError as error:
            self._fail(error.code, error.message, frame)

    def deliver(self, body: bytes) -> None:
        """A notification (JSON) to each of its subscriptions."""
        for subscription, (destination, acknowledged) in self._subscriptions.items():
            self._messages += 1
            headers = {
                "subscription": subscription,
                "message-id": str(self._messages),
                "destination": destination,
                "content-type": "application/json",
                "content-length": str(len(body)),
            }
            if acknowledged:
                headers["ack"] = str(self._messages)
            if not self._say(Frame("MESSAGE", headers, body)):
                return

    async def recheck(self) -> None:
        """End the session of a user who may no longer be here. Raises what the database raises when it is away."""
        if self._principal is None:
            return
        try:
            await self._authenticate(self._token)
        except ApiError as error:
            if error.status != 401:
                raise
            self._fail(error.code, error.message)

    def close(self, code: int, reason: str) -> None:
        """End it from our side, politely."""
        self.outbox.finish(code, reason)

    def end(self) -> None:
        """The connection is gone: forget everything."""
        self.outbox.finish(_NORMAL, "")
        self._watchdog.cancel()
        if self._principal is not None:
            self._registry.remove(self._principal.user_id, self)
            self._principal = None

    async def _handle(self, frame: Frame) -> None:
        if frame.command in ("CONNECT", "STOMP"):
            await self._connect(frame)
            return
        if self._principal is None:
            raise ApiError(ErrorCode.UNAUTHORIZED)
        match frame.command:
            case "SUBSCRIBE":
                self._subscribe(frame, self._principal)
            case "UNSUBSCRIBE":
                self._subscriptions.pop(frame.headers.get("id", ""), None)
            case "DISCONNECT" | "ACK" | "NACK" | "BEGIN" | "COMMIT" | "ABORT":
                # Nothing is sent by clients and nothing is sent twice: there is nothing to do for the last five.
                pass
            case "SEND":
                raise ApiError(ErrorCode.FORBIDDEN)
            case _:
                raise ApiError(ErrorCode.BAD_REQUEST)
        if receipt := frame.headers.get("receipt"):
            self._say(Frame("RECEIPT", {"receipt-id": receipt}))
        if frame.command == "DISCONNECT":
            self.outbox.finish(_NORMAL, "")

    async def _connect(self, frame: Frame) -> None:
        if self._principal is not None:
            raise ApiError(ErrorCode.BAD_REQUEST)
        offered = {version.strip() for version in frame.headers.get("accept-version", "1.0").split(",")}
        version = next((version for version in VERSIONS if version in offered), None)
        if version is None:
            versions = ",".join(sorted(VERSIONS))
            self._fail("version", f"Supported protocol versions are {versions}", extra={"version": versions})
            return
        self._token = _bearer(frame)
        principal = await self._authenticate(self._token)
        if self.outbox.finished:
            return
        self._principal = principal
        self._agree_on_heartbeats(frame.headers.get("heart-beat", "0,0"))
        self._registry.add(principal.user_id, self)
        headers = {
            "version": version,
            "heart-beat": f"{HEARTBEAT},{HEARTBEAT}",
            "user-name": str(principal.user_id),
            "session": secrets.token_hex(8),
            "server": "jiucom",
        }
        self._say(Frame("CONNECTED", headers))

    def _agree_on_heartbeats(self, wanted: str) -> None:
        """Each direction beats at the slower of what one side can and the other wants; 0 is not at all."""
        found = _HEARTBEAT.fullmatch(wanted)
        if found is None:
            raise ApiError(ErrorCode.BAD_REQUEST)
        can, wants = map(int, found.groups())
        if wants > 0:
            self.outbox.heartbeat = max(wants, HEARTBEAT) / 1000 * 0.9
            # The writer may already wait without a limit.
            self.outbox.wake()
        self._patience = max(can, HEARTBEAT) / 1000 * _TOLERANCE if can > 0 else float("inf")
        self._watchdog.cancel()
        self._watch()

    def _subscribe(self, frame: Frame, principal: Principal) -> None:
        subscription = frame.headers.get("id", "")
        destination = frame.headers.get("destination", "")
        if not subscription or subscription in self._subscriptions or len(self._subscriptions) >= _MAX_SUBSCRIPTIONS:
            raise ApiError(ErrorCode.BAD_REQUEST)
        if destination not in (USER_DESTINATION, f"/queue/notifications/{principal.user_id}"):
            raise ApiError(ErrorCode.FORBIDDEN)
        self._subscriptions[subscription] = (destination, frame.headers.get("ack", "auto") != "auto")

    def _watch(self) -> None:
        """Ends the session when its token expires or its client falls silent; else looks again when that may be."""
        silent_for = self._loop.time() - self._heard
        if silent_for >= self._patience:
            self._fail("silent", "no sign of life", drop=True)
            return
        wait = self._patience - silent_for
        if self._principal is not None:
            left = self._principal.expires_at - time.time()
            if left <= 0:
                expired = ErrorCode.EXPIRED_TOKEN
                self._fail(expired.code, expired.message)
                return
            wait = min(wait, left)
        self._watchdog = self._loop.call_later(max(wait, 0.01), self._watch)

    def _say(self, frame: Frame) -> bool:
        """False when it was not said: who has not read the last ones is closed."""
        if self.outbox.put(encode(frame)):
            return True
        self._fail("slow", "읽지 않은 메시지가 너무 많습니다.", drop=True)
        return False

    def _fail(
        self,
        code: str,
        text: str,
        cause: Frame | None = None,
        *,
        extra: dict[str, str] | None = None,
        drop: bool = False,
    ) -> None:
        """Say why in an ERROR frame, after which the connection closes."""
        headers = {"message": code, "content-type": "text/plain;charset=utf-8", **(extra or {})}
        if cause is not None and (receipt := cause.headers.get("receipt")):
            headers["receipt-id"] = receipt
        log.debug("stomp session ends: %s", code)
        self._subscriptions.clear()
        self.outbox.finish(_POLICY, code, encode(Frame("ERROR", headers, text.encode())), drop=drop)


def _bearer(frame: Frame) -> str:
    for name, value in frame.headers.items():
        if name.lower() == "authorization" and value.startswith("Bearer "):
            return value[7:]
    raise ApiError(ErrorCode.UNAUTHORIZED)
