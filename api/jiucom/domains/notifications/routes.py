"""Notifications of the user."""

from jiucom.domains.notifications import service
from jiucom.domains.notifications.schemas import Notification, UnreadCount
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Notification"


@endpoint("GET", "/notifications", tag=_TAG, auth="user")
async def page(ctx: Context, query: PageQuery) -> Page[Notification]:
    """내 알림 목록 (최신순)"""
    return await service.page(ctx.app.db, ctx.user.user_id, query)


@endpoint("GET", "/notifications/unread-count", tag=_TAG, auth="user")
async def unread_count(ctx: Context) -> UnreadCount:
    """읽지 않은 알림 수"""
    return await service.unread(ctx.app.db, ctx.user.user_id)


@endpoint(
    "PATCH",
    "/notifications/{notificationId}/read",
    tag=_TAG,
    auth="user",
    errors=[ErrorCode.NOTIFICATION_NOT_FOUND, ErrorCode.FORBIDDEN],
)
async def read(ctx: Context, notification_id: Id) -> Notification:
    """알림 읽음 처리"""
    return await service.read(ctx.app.db, notification_id, ctx.user.user_id)


@endpoint("PATCH", "/notifications/read-all", tag=_TAG, auth="user", aliases=["/notifications/read"])
async def read_all(ctx: Context) -> None:
    """모든 알림 읽음 처리"""
    await service.read_all(ctx.app.db, ctx.user.user_id)
