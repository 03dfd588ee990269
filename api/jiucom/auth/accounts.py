"""Whether a user is still active, and with which role: true on every replica within a second (contract 8.9).

Answers are remembered as long as the subscription to changes is alive, and for 5 s without it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Literal

from msgspec import Struct
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from jiucom.auth.principal import Role
from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.db import Database, WriteSession
from jiucom.db.line import urgent
from jiucom.errors import ApiError, ErrorCode
from jiucom.worker import Worker

log = logging.getLogger(__name__)

_CHANNEL = "jiucom:accounts-changed"
_LISTENING = 60.0  # s that an answer is good for while changes are heard
_DEAF = 5.0
_CAPACITY = 10_000
_HEARTBEAT = 1.0

_SELECT = "SELECT role, status FROM users WHERE id = %s AND is_deleted = FALSE"

# Access tokens of logins that ended longer ago have expired.
_ENDED = """
SELECT DISTINCT family_id FROM refresh_tokens
WHERE user_id = %s AND revoked_at > UTC_TIMESTAMP(6) - INTERVAL %s SECOND
"""


class Account(Struct, frozen=True):
    """The present state of a user."""

    role: Role
    status: Literal["ACTIVE", "SUSPENDED", "WITHDRAWN"]
    # Logins whose access tokens would still be valid otherwise.
    ended: frozenset[str]


class Accounts(Worker):
    """Reads accounts and hears of their changes."""

    def __init__(self, db: Database, redis: RedisClient, access_validity: int) -> None:
        self._db = db
        self._redis = redis
        self._access_validity = access_validity  # s
        self._known: dict[int, tuple[Account | None, float]] = {}
        self._changes = 0
        self._heard = 0.0
        self._listeners: list[Callable[[int], None]] = []
        # Whom the others have not been told of.
        self._unannounced: set[int] = set()
        self._warned = 0.0

    async def get(self, user_id: int) -> Account | None:
        """The account, None when there is none (any more)."""
        now = time.monotonic()
        if known := self._known.get(user_id):
            age = now - known[1]
            if age < _DEAF or (age < _LISTENING and now - self._heard < _DEAF):
                return known[0]
        changes = self._changes
        with urgent():
            async with self._db.read() as session:
                found = await session.fetch_rows(_SELECT, (user_id,))
                ended = await session.fetch_rows(_ENDED, (user_id, self._access_validity))
        account = None
        if found:
            role, status = found[0]
            account = Account(role, status, frozenset(family for (family,) in ended))
        # What changed while we read may be older than what we read, or not: do not remember it.
        if changes == self._changes:
            # At the end of the order, whose beginning is given up.
            self._known.pop(user_id, None)
            if len(self._known) >= _CAPACITY:
                del self._known[next(iter(self._known))]
            self._known[user_id] = (account, now)
        return account

    async def active(self, user_id: int, family: str) -> Account:
        """The account of an active user, whose login `family` has not ended. Raises ApiError 401 A004 otherwise."""
        account = await self.get(user_id)
        if account is None or account.status != "ACTIVE" or family in account.ended:
            raise ApiError(ErrorCode.INVALID_TOKEN)
        return account

    def changed(self, session: WriteSession, user_id: int) -> None:
        """Call it in the transaction that changes a user's role, status, logins or existence."""

        async def announce() -> None:
            self._unannounced.add(user_id)
            self._forget(user_id)
            await self._announce()
            if self._unannounced and time.monotonic() - self._warned > 1:
                self._warned = time.monotonic()
                # Others may hear Redis well: they would believe what they know for a minute.
                log.warning(
                    "changes of %d users are announced later: without Redis others see them within %g s",
                    len(self._unannounced),
                    _DEAF,
                )

        session.after_commit(announce, in_doubt=True)

    def on_change(self, listener: Callable[[int], None]) -> None:
        """Call `listener(user_id)` on this replica whenever a user changed anywhere (open sessions end by it)."""
        self._listeners.append(listener)

    def _forget(self, user_id: int) -> None:
        self._changes += 1
        self._known.pop(user_id, None)
        for listener in self._listeners:
            listener(user_id)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, OSError, ValueError) as error:
                log.info("changes of accounts are not heard: %s", error)
            except Exception:
                log.exception("changes of accounts are not heard")
            await asyncio.sleep(_HEARTBEAT)

    async def _listen(self) -> None:
        client = self._redis.subscriber()
        async with client, client.pubsub() as subscription:
            await subscription.subscribe(_CHANNEL)
            await self._beat(subscription)
            # Subscribed by now; changes before were not heard.
            self._changes += 1
            self._known.clear()
            while True:
                await self._beat(subscription)
                self._heard = time.monotonic()
                await self._announce()
                self._hear(await subscription.get_message(timeout=_HEARTBEAT))

    async def _beat(self, subscription: PubSub) -> None:
        """Ping, and hear what comes before the pong: a dead connection shows. Raises TimeoutError."""
        await subscription.ping()
        async with asyncio.timeout(_DEAF):
            message = None
            while message is None or message["type"] != "pong":
                message = await subscription.get_message(timeout=None)
                self._hear(message)

    def _hear(self, message: Any) -> None:
        if message is not None and message["type"] == "message":
            self._forget(int(message["data"]))

    async def _announce(self) -> None:
        """Tell the others of every change that they have not been told of; what fails is told with the next beat."""
        while self._unannounced:
            # Taken out before: it may change again meanwhile.
            user_id = self._unannounced.pop()
            try:
                await self._redis.execute("PUBLISH", _CHANNEL, user_id)
            except BaseException as error:
                self._unannounced.add(user_id)
                if isinstance(error, RedisUnavailableError):
                    return
                raise
