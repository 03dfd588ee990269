"""One STOMP conversation, over whatever transport: frames come in, answers go to its outbox."""

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

# What we can do and what we want, in both directions (ms).
HEARTBEAT = 10_000
# Networks are late now and then; twice the promised time is dead.
_TOLERANCE = 2.0
# Who opens a connection has this long to say who they are (s).
CONNECT_TIMEOUT = 10.0
# What a frame asks of the database must be there by then (s).
_PATIENCE = 5.0
_MAX_SUBSCRIPTIONS = 8
# A client sends a heart-beat every few seconds and hardly anything else. In so many seconds it has so much to spend: 1 for each
# message of the transport and for each frame, more for one that reads the database.
ALLOWANCE, _PERIOD = 250, 10.0
_SUBSCRIBE_COSTS = 10

# What the client can do and what it wants (ms): up to eleven days.
_HEARTBEAT = re.compile(r"\s*([0-9]{1,9})\s*,\s*([0-9]{1,9})\s*")
_IDS = re.compile(r"\s*(?:[0-9]{1,18}\s*(?:,\s*[0-9]{1,18}\s*)*)?")

_POLICY, _NORMAL = 1008, 1000


class Registry(Protocol):
    """Where sessions of known users stand, to be delivered to. `add` may raise ApiError."""

    def add(self, user_id: int, session: "Session") -> None: ...
    def remove(self, user_id: int, session: "Session") -> None: ...


class Logins(Protocol):
    """Whose token it is, and whether its login still lives. Both raise ApiError."""

    async def of_token(self, token: str) -> Login: ...
    async def check(self, login: Login) -> Login: ...


@dataclass(slots=True)
class _Subscription:
    """`held` is what comes while we still look for what the client has missed."""

    destination: str
    acknowledged: bool
    seen: Seen
    held: list[Push] | None


class Session:
    """Lives from the opening of a connection to `end`. Mistakes of the client are ERROR frames, never exceptions."""

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
        self._heard = self._loop.time()
        self._patience = CONNECT_TIMEOUT
        self._watchdog = self._loop.call_later(CONNECT_TIMEOUT, self._watch)
        self._spent, self._period_ends = 0, 0.0

    async def receive(self, data: bytes) -> None:
        """What the client sent, in order: wait for one call before the next. Nothing is heard after the end."""
        if self.outbox.finished:
            return
        self._heard = self._loop.time()
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
        """News, to each of its subscriptions that has not brought it."""
        for name, subscription in tuple(self._subscriptions.items()):
            if subscription.held is not None:
                subscription.held.append(push)
            elif not subscription.seen.lists(push.id):
                self._send(name, subscription, push)

    def lacks(self, push_id: int) -> bool:
        """Whether a subscription should have brought this, and has not."""
        return any(each.held is None and push_id not in each.seen for each in self._subscriptions.values())

    def make_up(self, push: Push) -> None:
        """Bring it to the subscriptions that lack it."""
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
        # Unless it has ended meanwhile.
        if self._login is not None:
            self._login = login

    def close(self, code: int, reason: str) -> None:
        """End it from our side, politely."""
        self.outbox.finish(code, reason)

    def end(self) -> None:
        """The connection is gone: forget everything."""
        self.outbox.finish(_NORMAL, "")
        self._watchdog.cancel()
        if self._login is not None:
            self._registry.remove(self._login.user_id, self)
            self._login = None

    def _spend(self, cost: int) -> None:
        if self._heard >= self._period_ends:
            self._spent, self._period_ends = 0, self._heard + _PERIOD
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

    async def _subscribe(self, frame: Frame, user_id: int) -> None:
        """`seen` names notifications that the client has: newer ones that it has not come first. Without it: from now on."""
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
        if self._say(Frame("MESSAGE", headers, push.body)):
            subscription.seen.add(push.id)

    def _watch(self) -> None:
        """Ends the session when its client falls silent; else looks again when that may be."""
        silent_for = self._loop.time() - self._heard
        if silent_for >= self._patience:
            self._fail("silent", "no sign of life", drop=True)
        elif self._patience < float("inf"):
            self._watchdog = self._loop.call_later(max(self._patience - silent_for, 0.01), self._watch)

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
