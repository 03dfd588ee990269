"""Status and role of users, cached. Changes are seen on every replica within a second.

Changes are announced over Redis. Entries are kept for 60 s while the subscription is alive, and for 5 s without it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from math import inf
from typing import Literal

from msgspec import Struct
from redis.exceptions import RedisError

from jiucom.auth.principal import Role
from jiucom.cache.redis import RedisClient, RedisUnavailableError, Subscription
from jiucom.db import Database, WriteSession
from jiucom.db.queue import urgent
from jiucom.errors import ApiError, ErrorCode
from jiucom.worker import Worker

log = logging.getLogger(__name__)

_CHANNEL = "jiucom:accounts-changed"
# Lifetime of an entry with and without the subscription (s).
_LIFETIME_LISTENING = 60.0
_LIFETIME_DEAF = 5.0
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
    # Ended logins whose access tokens have not expired yet.
    ended: frozenset[str]


class Accounts(Worker):
    """Reads accounts and receives their changes."""

    def __init__(self, db: Database, redis: RedisClient, access_validity: int) -> None:
        self._db = db
        self._redis = redis
        self._access_validity = access_validity  # s
        self._known: dict[int, tuple[Account | None, float]] = {}
        self._changes = 0
        self._last_beat = -inf
        self._listeners: list[Callable[[int], None]] = []
        # Changed users whose change is not yet published.
        self._unannounced: set[int] = set()
        self._warned = 0.0

    @property
    def listening(self) -> bool:
        """Whether the subscription to changes is alive."""
        return time.monotonic() - self._last_beat < _LIFETIME_DEAF

    async def get(self, user_id: int) -> Account | None:
        """The account; None when it does not exist or was withdrawn."""
        now = time.monotonic()
        if known := self._known.get(user_id):
            age = now - known[1]
            if age < _LIFETIME_DEAF or (age < _LIFETIME_LISTENING and self.listening):
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
        # If anything changed meanwhile, what we read may be outdated: do not cache it.
        if changes == self._changes:
            # The oldest entry is dropped.
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
                # Replicas whose Redis connection works keep the old entry for up to a minute.
                log.warning(
                    "changes of %d users are not announced yet: without Redis other replicas see them within %g s",
                    len(self._unannounced),
                    _LIFETIME_DEAF,
                )

        session.after_commit(announce, in_doubt=True)

    def on_change(self, listener: Callable[[int], None]) -> None:
        """Call `listener(user_id)` on this replica whenever a user changed on any replica."""
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
            except (RedisError, RedisUnavailableError, OSError, ValueError) as error:
                log.info("changes of accounts are not received: %s", error)
            except Exception:
                log.exception("changes of accounts are not received")
            await asyncio.sleep(_HEARTBEAT)

    async def _listen(self) -> None:
        async with self._redis.subscribed(_CHANNEL) as subscription:
            await self._beat(subscription)
            # Changes before the subscription were missed: drop all entries.
            self._changes += 1
            self._known.clear()
            while True:
                await self._beat(subscription)
                self._last_beat = time.monotonic()
                await self._announce()
                self._handle(await subscription.next(_HEARTBEAT))

    async def _beat(self, subscription: Subscription) -> None:
        """Ping and wait for the pong, handling messages before it. Raises TimeoutError when the connection is dead."""
        await subscription.ping()
        async with asyncio.timeout(_LIFETIME_DEAF):
            received = None
            while received is None or received[0] != "pong":
                received = await subscription.next(None)
                self._handle(received)

    def _handle(self, received: tuple[str, bytes] | None) -> None:
        if received is not None and received[0] == "message":
            self._forget(int(received[1]))

    async def _announce(self) -> None:
        """Publish every change that is not yet published. What fails is repeated with the next heartbeat."""
        while self._unannounced:
            # Removed first: the user may change again during the call.
            user_id = self._unannounced.pop()
            try:
                await self._redis.publish(_CHANNEL, [b"%d" % user_id])
            except BaseException as error:
                self._unannounced.add(user_id)
                if isinstance(error, RedisUnavailableError):
                    return
                raise
