"""Notifications for open connections, in the same JSON as in the list."""

from collections.abc import Sequence

import msgspec

from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.domains.notifications import queries
from jiucom.domains.notifications.announce import Announced
from jiucom.domains.notifications.schemas import Notification
from jiucom.encoding import encode
from jiucom.realtime.push import Push


class StoredPushes:
    """The table of notifications: implements `realtime.push.Stored`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def newest(self) -> int:
        """The highest id; 0 without any."""
        async with self._db.read() as session:
            return await queries.newest(session)

    async def after(self, id: int, limit: int) -> Sequence[tuple[int, int]]:
        """Ids and users of those with a higher id, in the order of the ids."""
        async with self._db.read() as session:
            return await queries.after(session, id, limit)

    async def read(self, found: Sequence[tuple[int, int]]) -> Sequence[Push]:
        """The notifications that `after` found, in the order of the ids."""
        users = dict(found)
        async with self._db.read() as session:
            rows = await queries.by_ids(session, list(users))
        return [Push(row.id, users[row.id], encode(row)) for row in rows]

    async def of_user(self, user_id: int, limit: int) -> Sequence[Push]:
        """The newest ones of a user, in the order of the ids."""
        async with self._db.read() as session:
            rows = await queries.page(session, user_id, limit, 0)
        return [Push(row.id, user_id, encode(row)) for row in sorted(rows, key=lambda row: row.id)]


def pushes(event: Announced, clock: Clock) -> list[Push]:
    """The pushes of an event."""
    return [Push(each.id, user_id, encode(_local(each, clock))) for user_id, each in event.notifications]


def _local(notification: Notification, clock: Clock) -> Notification:
    return msgspec.structs.replace(notification, created_at=notification.created_at.astimezone(clock.zone))
