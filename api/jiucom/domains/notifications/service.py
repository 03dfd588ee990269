"""Notifications of a user."""

from jiucom.auth.principal import Principal
from jiucom.domains.notifications import queries
from jiucom.domains.notifications.schemas import Notification, UnreadCount
from jiucom.errors import ApiError, ErrorCode
from jiucom.state import AppState
from jiucom.web import Page, PageQuery


async def list_page(app: AppState, user: Principal, query: PageQuery) -> Page[Notification]:
    """The user's notifications, newest first."""
    async with app.db.read() as session:
        total = await queries.count(session, user.user_id)
        found = await queries.page(session, user.user_id, query.size, query.offset) if total > query.offset else []
    return Page.of(found, query, total)


async def count_unread(app: AppState, user: Principal) -> UnreadCount:
    """How many are unread."""
    async with app.db.read() as session:
        count = await queries.count_unread(session, user.user_id)
    return UnreadCount(count, count)


async def mark_read(app: AppState, user: Principal, notification_id: int) -> Notification:
    """Mark one as read. Raises A002 for another user's, N001 when it does not exist."""
    async with app.db.transaction() as tx:
        found = await queries.mark_read(tx, notification_id, user.user_id)
        if found is None:
            exists = await queries.exists(tx, notification_id)
            raise ApiError(ErrorCode.FORBIDDEN if exists else ErrorCode.NOTIFICATION_NOT_FOUND)
    return found


async def mark_all_read(app: AppState, user: Principal) -> None:
    """Mark all as read."""
    async with app.db.statement() as session:
        await queries.mark_all_read(session, user.user_id)
