"""Notifications of a user."""

from jiucom.db import Database
from jiucom.domains.notifications import queries
from jiucom.domains.notifications.schemas import Notification, UnreadCount
from jiucom.errors import ApiError, ErrorCode
from jiucom.web import Page, PageQuery


async def page(db: Database, user_id: int, query: PageQuery) -> Page[Notification]:
    """The user's notifications, newest first."""
    async with db.read() as session:
        total = await queries.count(session, user_id)
        found = await queries.page(session, user_id, query.size, query.offset) if total > query.offset else []
    return Page.of(found, query, total)


async def unread(db: Database, user_id: int) -> UnreadCount:
    """How many are unread."""
    async with db.read() as session:
        count = await queries.count_unread(session, user_id)
    return UnreadCount(count, count)


async def read(db: Database, notification_id: int, user_id: int) -> Notification:
    """Mark one as read. Raises A002 for another user's, N001 when it does not exist."""
    async with db.transaction() as tx:
        found = await queries.mark_read(tx, notification_id, user_id)
        if found is None:
            exists = await queries.exists(tx, notification_id)
            raise ApiError(ErrorCode.FORBIDDEN if exists else ErrorCode.NOTIFICATION_NOT_FOUND)
    return found


async def read_all(db: Database, user_id: int) -> None:
    """Mark all as read."""
    async with db.statement() as session:
        await queries.mark_all_read(session, user_id)
