"""A STOMP session, independent of the transport: it receives bytes, and puts answers into its outbox."""

import asyncio
import logging
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from jiucom.auth.bearer import bearer
from jiucom.auth.logins import Login
from jiucom.deadline import deadline, within
from jiucom.errors import ApiError, ErrorCode
from jiucom.realtime.frames import Frame, FrameError, Parser, encode
from jiucom.realtime.outbox import Outbox
from jiucom.realtime.push import EXACT, Push, Seen, Stored

log = logging.getLogger(__name__)

VERSIONS = ("1.2", "1.1")
USER_DESTINATION = "/user/queue/notifications"

# Our heart-beat interval, in both directions (ms).
HEARTBEAT = 10_000
# A client is dead after twice the agreed interval.
_TOLERANCE = 2.0
# Time for CONNECT after the connection is opened (s).
CONNECT_TIMEOUT = 10.0
# Time limit of handling one frame (s).
_PATIENCE = 5.0
_MAX_SUBSCRIPTIONS = 8
# Rate limit: so many points per period (s). A message of the transport and a frame cost 1 point each, a frame that reads the
# database more. Clients normally send a heart-beat every few seconds.
ALLOWANCE, _PERIOD = 250, 10.0
_SUBSCRIBE_COSTS = 10

# The client's `heart-beat` header (ms), up to eleven days.
_HEARTBEAT = re.compile(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*")
_IDS = re.compile(r"\s*(?:[0-9]{1,18}\s*(?:,\s*[0-9]{1,18}\s*)*)?")

_POLICY, _NORMAL = 1008, 1000


class Registry(Protocol):
    """Holds the sessions of users. `add` may raise ApiError."""

    def add(self, user_id: int, session: "Session") -> None: ...
    def remove(self, user_id: int, session: "Session") -> None: ...


class Logins(Protocol):
    """Finds and checks logins. Both methods raise ApiError."""

    async def of_token(self, token: str) -> Login: ...
    async def check(self, login: Login) -> Login: ...


@dataclass(slots=True)
class _Subscription:
    """`held` collects notifications that arrive while the missed ones are being read; None afterwards."""

    destination: str
    acknowledged: bool
    seen: Seen
    held: list[Push] | None


class Session:
    """Lives from the opening of a connection to `end`. Errors of the client become ERROR frames, not exceptions."""

    def __init__(self, logins: Logins, registry: Registry, stored: Stored, outbox: Outbox) -> None:
        self.outbox = outbox
        self._logins = logins
        self._registry = registry
        self._stored = stored
        self._parser = Parser()
        self._login: Login | None = None
        self._subscriptions: dict[str, _Subscription] = {}
        self._messages = 0
        self._loop = asyncio.get_running_loop()
        self._last_received = self._loop.time()
        self._silence_limit = CONNECT_TIMEOUT
        self._watchdog = self._loop.call_later(CONNECT_TIMEOUT, self._watch)
        self._spent, self._period_ends = 0, 0.0

    async def receive(self, data: bytes) -> None:
        """Handle data of the client. Calls must not overlap. Data after the end is ignored."""
        if self.outbox.finished:
            return
        self._last_received = self._loop.time()
        frame: Frame | None = None
        try:
            self._spend(1)
            for frame in self._parser.feed(data):
                if self.outbox.finished:
                    return
                self._spend(_SUBSCRIBE_COSTS if frame.command == "SUBSCRIBE" else 1)
                async with deadline(within(_PATIENCE)):
                    await self._handle(frame)
        except FrameError as error:
            self._fail("malformed", str(error))
        except ApiError as error:
            self._fail(error.code, error.message, frame)

    def deliver(self, push: Push) -> None:
        """Deliver to the subscriptions that have not delivered it."""
        for name, subscription in tuple(self._subscriptions.items()):
            if subscription.held is not None:
                subscription.held.append(push)
            elif not subscription.seen.lists(push.id):
                self._send(name, subscription, push)

    def lacks(self, push_id: int) -> bool:
        """Whether a subscription has not delivered this and should have."""
        return any(each.held is None and push_id not in each.seen for each in self._subscriptions.values())

    def make_up(self, push: Push) -> None:
        """Deliver to the subscriptions that lack it."""
        for name, subscription in tuple(self._subscriptions.items()):
            if subscription.held is None and push.id not in subscription.seen:
                self._send(name, subscription, push)

    async def check(self) -> None:
        """End the session when its login has ended. Raises what the database raises when it is away."""
        if self._login is None:
            return
        try:
            login = await self._logins.check(self._login)
        except ApiError as error:
            if error.status != 401:
                raise
            self._fail(error.code, error.message)
            return
        # It may have ended meanwhile.
        if self._login is not None:
            self._login = login

    def close(self, code: int, reason: str) -> None:
        """Close it from our side, after all waiting texts."""
        self.outbox.finish(code, reason)

    def end(self) -> None:
        """The connection is closed: release everything."""
        self.outbox.finish(_NORMAL, "")
        self._watchdog.cancel()
        if self._login is not None:
            self._registry.remove(self._login.user_id, self)
            self._login = None

    def _spend(self, cost: int) -> None:
        if self._last_received >= self._period_ends:
            self._spent, self._period_ends = 0, self._last_received + _PERIOD
        self._spent += cost
        if self._spent > ALLOWANCE:
            raise ApiError(ErrorCode.RATE_LIMIT_EXCEEDED)

    async def _handle(self, frame: Frame) -> None:
        if frame.command in ("CONNECT", "STOMP"):
            await self._connect(frame)
            return
        if self._login is None:
            raise ApiError(ErrorCode.UNAUTHORIZED)
        match frame.command:
            case "SUBSCRIBE":
                await self._subscribe(frame, self._login.user_id)
            case "UNSUBSCRIBE":
                self._subscriptions.pop(frame.headers.get("id", ""), None)
            case "DISCONNECT" | "ACK" | "NACK" | "BEGIN" | "COMMIT" | "ABORT":
                # Clients send no messages, and there is no redelivery: the last five need no action.
                pass
            case "SEND":
                raise ApiError(ErrorCode.FORBIDDEN)
            case _:
                raise ApiError(ErrorCode.BAD_REQUEST)
        if receipt := frame.headers.get("receipt"):
            self._put(Frame("RECEIPT", {"receipt-id": receipt}))
        if frame.command == "DISCONNECT":
            self.outbox.finish(_NORMAL, "")

    async def _connect(self, frame: Frame) -> None:
        if self._login is not None:
            raise ApiError(ErrorCode.BAD_REQUEST)
        offered = {version.strip() for version in frame.headers.get("accept-version", "1.0").split(",")}
        version = next((version for version in VERSIONS if version in offered), None)
        if version is None:
            versions = ",".join(sorted(VERSIONS))
            self._fail("version", f"Supported protocol versions are {versions}", extra={"version": versions})
            return
        login = await self._logins.of_token(_token(frame))
        if self.outbox.finished:
            return
        self._agree_on_heartbeats(frame.headers.get("heart-beat", "0,0"))
        self._registry.add(login.user_id, self)
        self._login = login
        headers = {
            "version": version,
            "heart-beat": f"{HEARTBEAT},{HEARTBEAT}",
            "user-name": str(login.user_id),
            "session": secrets.token_hex(8),
            "server": "jiucom",
        }
        self._put(Frame("CONNECTED", headers))

    def _agree_on_heartbeats(self, wanted: str) -> None:
        """Each direction uses the longer of the two intervals; 0 means none."""
        found = _HEARTBEAT.fullmatch(wanted)
        if found is None:
            raise ApiError(ErrorCode.BAD_REQUEST)
        can, wants = map(int, found.groups())
        if wants > 0:
            self.outbox.heartbeat = max(wants, HEARTBEAT) / 1000 * 0.9
            # The writer may be waiting without a timeout.
            self.outbox.wake()
        self._silence_limit = max(can, HEARTBEAT) / 1000 * _TOLERANCE if can > 0 else float("inf")
        self._watchdog.cancel()
        self._watch()

    async def _subscribe(self, frame: Frame, user_id: int) -> None:
        """With the header `seen` (ids that the client has) the newer ones that it lacks come first; without it, only new ones."""
        name = frame.headers.get("id", "")
        destination = frame.headers.get("destination", "")
        seen = frame.headers.get("seen")
        if not name or name in self._subscriptions or len(self._subscriptions) >= _MAX_SUBSCRIPTIONS:
            raise ApiError(ErrorCode.BAD_REQUEST)
        if destination not in (USER_DESTINATION, f"/queue/notifications/{user_id}"):
            raise ApiError(ErrorCode.FORBIDDEN)
        ids = [] if seen is None else _ids(seen)
        acknowledged = frame.headers.get("ack", "auto") != "auto"
        subscription = _Subscription(destination, acknowledged, Seen(), [])
        self._subscriptions[name] = subscription
        missed: Sequence[Push] = ()
        if seen is None:
            subscription.seen = Seen(await self._stored.newest())
        else:
            subscription.seen = Seen(min(ids, default=0), ids)
            missed = await self._stored.of_user(user_id, EXACT)
        held, subscription.held = subscription.held or [], None
        for push in missed:
            if push.id not in subscription.seen:
                self._send(name, subscription, push)
        for push in held:
            if not subscription.seen.lists(push.id):
                self._send(name, subscription, push)

    def _send(self, name: str, subscription: _Subscription, push: Push) -> None:
        self._messages += 1
        headers = {
            "subscription": name,
            "message-id": str(self._messages),
            "destination": subscription.destination,
            "content-type": "application/json",
            "content-length": str(len(push.body)),
        }
        if subscription.acknowledged:
            headers["ack"] = str(self._messages)
        if self._put(Frame("MESSAGE", headers, push.body)):
            subscription.seen.add(push.id)

    def _watch(self) -> None:
        """End the session when its client is silent for too long; else check again at the earliest time that could be."""
        silent_for = self._loop.time() - self._last_received
        if silent_for >= self._silence_limit:
            self._fail("silent", "no sign of life", drop=True)
        elif self._silence_limit < float("inf"):
            self._watchdog = self._loop.call_later(max(self._silence_limit - silent_for, 0.01), self._watch)

    def _put(self, frame: Frame) -> bool:
        """False when the outbox is full: the session is closed then."""
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
        """Send an ERROR frame and close."""
        headers = {"message": code, "content-type": "text/plain;charset=utf-8", **(extra or {})}
        if cause is not None and (receipt := cause.headers.get("receipt")):
            headers["receipt-id"] = receipt
        log.debug("stomp session ends: %s", code)
        self._subscriptions.clear()
        self.outbox.finish(_POLICY, code, encode(Frame("ERROR", headers, text.encode())), drop=drop)


def _token(frame: Frame) -> str:
    for name, value in frame.headers.items():
        if name.lower() == "authorization" and (token := bearer(value)) is not None:
            return token
    raise ApiError(ErrorCode.UNAUTHORIZED)


def _ids(seen: str) -> list[int]:
    if not _IDS.fullmatch(seen):
        raise ApiError(ErrorCode.BAD_REQUEST)
    ids = [int(each) for each in seen.split(",") if each.strip()]
    if len(ids) > EXACT:
        raise ApiError(ErrorCode.BAD_REQUEST)
    return ids
