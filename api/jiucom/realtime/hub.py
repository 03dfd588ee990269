"""Who is connected to this replica, and how what happens on any of them reaches them."""

import asyncio
import contextlib
import logging
import secrets

import msgspec

from jiucom.auth.accounts import Accounts
from jiucom.cache.redis import RedisUnavailableError
from jiucom.clock import Clock
from jiucom.domains.notifications.announce import Announced
from jiucom.encoding import encode
from jiucom.errors import ApiError
from jiucom.realtime.bus import Bus
from jiucom.realtime.session import Session
from jiucom.worker import Worker

log = logging.getLogger(__name__)

_CHANNEL = "jiucom:notifications"
# How late a revocation may be seen when Redis does not tell us (s).
_RECHECK = 5.0


class Hub(Worker):
    """Sessions by user. Delivery is at most once: what nobody hears stands in the list of notifications."""

    def __init__(self, bus: Bus, accounts: Accounts, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._sessions: dict[int, set[Session]] = {}
        self._replica = secrets.token_hex(8).encode()
        self._suspects: set[int] = set()
        self._suspicion = asyncio.Event()
        accounts.on_change(self._suspect)
        bus.handle(_CHANNEL, self._hear)

    def add(self, user_id: int, session: Session) -> None:
        """A session of a known user."""
        self._sessions.setdefault(user_id, set()).add(session)

    def remove(self, user_id: int, session: Session) -> None:
        """It is gone."""
        sessions = self._sessions.get(user_id, set())
        sessions.discard(session)
        if not sessions:
            self._sessions.pop(user_id, None)

    async def announced(self, event: Announced) -> None:
        """Push a committed notification to its user, wherever they are connected."""
        local = msgspec.structs.replace(
            event.notification, created_at=event.notification.created_at.astimezone(self._clock.zone)
        )
        body = encode(local)
        self._deliver(event.user_id, body)
        try:
            await self._bus.publish(_CHANNEL, b"%b %d %b" % (self._replica, event.user_id, body))
        except RedisUnavailableError:
            log.debug("notification %d is pushed by this replica only", local.id)

    def _hear(self, message: bytes) -> None:
        replica, user_id, body = message.split(b" ", 2)
        # Our own are delivered already, with or without Redis.
        if replica != self._replica:
            self._deliver(int(user_id), body)

    def _deliver(self, user_id: int, body: bytes) -> None:
        for session in tuple(self._sessions.get(user_id, ())):
            session.deliver(body)

    def _suspect(self, user_id: int) -> None:
        if user_id in self._sessions:
            self._suspects.add(user_id)
            self._suspicion.set()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        everyone = loop.time() + _RECHECK
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(everyone):
                    await self._suspicion.wait()
            self._suspicion.clear()
            if loop.time() >= everyone:
                self._suspects.update(self._sessions)
                everyone = loop.time() + _RECHECK
            while self._suspects:
                await self._recheck(self._suspects.pop())

    async def _recheck(self, user_id: int) -> None:
        for session in tuple(self._sessions.get(user_id, ())):
            try:
                await session.recheck()
            except ApiError as error:
                log.debug("sessions of user %d are looked at later: %s", user_id, error.code)
            except Exception:
                log.exception("session of user %d", user_id)
