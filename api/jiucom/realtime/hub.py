"""Who is connected to this replica, and whether they still may be."""

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

# How late a revocation may be seen when Redis does not tell us (s).
_RECHECK = 5.0
# Longer than the database needs that still answers (s).
_PATIENCE = 5.0
# So many users are looked at together in a round: requests need connections to the database, too.
_TOGETHER = 5


class Hub(Worker):
    """Sessions by user. Each is looked at again when its user has changed, and every few seconds."""

    def __init__(self, accounts: Accounts, per_user: int) -> None:
        self._per_user = per_user
        self._sessions: dict[int, set[Session]] = {}
        # Users whose sessions must be looked at (again), and those whose are being looked at.
        self._suspects: set[int] = set()
        self._checked: set[int] = set()
        self._checks = Background()
        accounts.on_change(self._suspect)

    def add(self, user_id: int, session: Session) -> None:
        """A session of a known user. Raises ApiError 429 when the user has as many as may be."""
        sessions = self._sessions.setdefault(user_id, set())
        if len(sessions) >= self._per_user:
            raise ApiError(ErrorCode.RATE_LIMIT_EXCEEDED)
        sessions.add(session)

    def remove(self, user_id: int, session: Session) -> None:
        """It is gone."""
        sessions = self._sessions.get(user_id, set())
        sessions.discard(session)
        if not sessions:
            self._sessions.pop(user_id, None)

    def deliver(self, push: Push) -> None:
        """Bring news to its user's sessions."""
        for session in tuple(self._sessions.get(push.user_id, ())):
            session.deliver(push)

    def lacks(self, user_id: int, push_id: int) -> bool:
        """Whether a session of the user should have been brought this, and was not."""
        return any(session.lacks(push_id) for session in self._sessions.get(user_id, ()))

    def make_up(self, push: Push) -> None:
        """Bring to its user's sessions what they lack."""
        for session in tuple(self._sessions.get(push.user_id, ())):
            session.make_up(push)

    async def stop(self) -> None:
        """End what `start` began."""
        await super().stop()
        await self._checks.stop()

    def _suspect(self, user_id: int) -> None:
        if user_id in self._sessions:
            self._suspects.add(user_id)
            if user_id not in self._checked:
                self._checked.add(user_id)
                self._checks.run("check of sessions", self._check(user_id))

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_RECHECK)
            users = list(self._sessions)
            for start in range(0, len(users), _TOGETHER):
                await self._round(users[start : start + _TOGETHER])

    async def _round(self, users: Collection[int]) -> None:
        self._suspects.update(users)
        idle = [user for user in users if user not in self._checked]
        self._checked.update(idle)
        await asyncio.gather(*map(self._check, idle))

    async def _check(self, user_id: int) -> None:
        """Until nothing more has been heard of the user. What cannot be looked at now is looked at in the next round."""
        try:
            while user_id in self._suspects:
                self._suspects.discard(user_id)
                async with deadline(within(_PATIENCE)):
                    for session in tuple(self._sessions.get(user_id, ())):
                        await session.check()
        except ApiError as error:
            log.debug("sessions of user %d are looked at later: %s", user_id, error.code)
        except Exception:
            log.exception("sessions of user %d", user_id)
        finally:
            self._checked.discard(user_id)
