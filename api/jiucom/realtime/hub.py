"""The sessions of this replica, by user, and the checks of their logins."""

import asyncio
import logging
from collections.abc import Collection

from jiucom.auth.accounts import Accounts
from jiucom.deadline import deadline, within
from jiucom.errors import ApiError, ErrorCode
from jiucom.realtime.push import Push
from jiucom.realtime.session import Session
from jiucom.worker import Background, Worker

log = logging.getLogger(__name__)

# Every session is checked so often, in case Redis does not announce a change (s).
_RECHECK = 5.0
# Time limit of a check (s).
_PATIENCE = 5.0
# Users checked concurrently: requests need database connections too.
_TOGETHER = 5


class Hub(Worker):
    """Sessions by user. They are checked when their user has changed, and every few seconds."""

    def __init__(self, accounts: Accounts, per_user: int) -> None:
        self._per_user = per_user
        self._sessions: dict[int, set[Session]] = {}
        # Users whose sessions must be checked (again), and those being checked now.
        self._unchecked: set[int] = set()
        self._checking: set[int] = set()
        self._checks = Background()
        accounts.on_change(self._changed)

    def add(self, user_id: int, session: Session) -> None:
        """Add the session of a user. Raises ApiError 429 when the user has too many."""
        sessions = self._sessions.setdefault(user_id, set())
        if len(sessions) >= self._per_user:
            raise ApiError(ErrorCode.RATE_LIMIT_EXCEEDED)
        sessions.add(session)

    def remove(self, user_id: int, session: Session) -> None:
        """Remove a session."""
        sessions = self._sessions.get(user_id, set())
        sessions.discard(session)
        if not sessions:
            self._sessions.pop(user_id, None)

    def deliver(self, push: Push) -> None:
        """Deliver to the sessions of its user."""
        for session in tuple(self._sessions.get(push.user_id, ())):
            session.deliver(push)

    def lacks(self, user_id: int, push_id: int) -> bool:
        """Whether a session of the user has not got this and should have."""
        return any(session.lacks(push_id) for session in self._sessions.get(user_id, ()))

    def make_up(self, push: Push) -> None:
        """Deliver to those sessions of its user that lack it."""
        for session in tuple(self._sessions.get(push.user_id, ())):
            session.make_up(push)

    async def stop(self) -> None:
        """Stop, and cancel running checks."""
        await super().stop()
        await self._checks.stop()

    def _changed(self, user_id: int) -> None:
        if user_id in self._sessions:
            self._unchecked.add(user_id)
            if user_id not in self._checking:
                self._checking.add(user_id)
                self._checks.run("check of sessions", self._check(user_id))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK)
            users = list(self._sessions)
            for start in range(0, len(users), _TOGETHER):
                await self._round(users[start : start + _TOGETHER])

    async def _round(self, users: Collection[int]) -> None:
        self._unchecked.update(users)
        idle = [user for user in users if user not in self._checking]
        self._checking.update(idle)
        await asyncio.gather(*map(self._check, idle))

    async def _check(self, user_id: int) -> None:
        """Check until the user has not changed meanwhile. If the check fails, the next round repeats it."""
        try:
            while user_id in self._unchecked:
                self._unchecked.discard(user_id)
                async with deadline(within(_PATIENCE)):
                    for session in tuple(self._sessions.get(user_id, ())):
                        await session.check()
        except ApiError as error:
            log.debug("sessions of user %d are checked later: %s", user_id, error.code)
        except Exception:
            log.exception("sessions of user %d", user_id)
        finally:
            self._checking.discard(user_id)
