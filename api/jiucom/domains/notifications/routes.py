"""Notifications of the user."""

from jiucom.domains.notifications import service
from jiucom.domains.notifications.schemas import Notification, UnreadCount
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Notification"


@endpoint("GET", "/notifications", tag=_TAG, auth="user")
async def list_page(ctx: Context, query: PageQuery) -> Page[Notification]:
    """내 알림 목록 (최신순)"""
    return await service.list_page(ctx.app, ctx.user, query)


@endpoint("GET", "/notifications/unread-count", tag=_TAG, auth="user")
async def unread_count(ctx: Context) -> UnreadCount:
    """읽지 않은 알림 수"""
    return await service.count_unread(ctx.app, ctx.user)


@endpoint(
    "PATCH",
    "/notifications/{notificationId}/read",
    tag=_TAG,
    auth="user",
    errors=[ErrorCode.NOTIFICATION_NOT_FOUND, ErrorCode.FORBIDDEN],
)
async def mark_read(ctx: Context, notification_id: Id) -> Notification:
    """알림 읽음 처리"""
    return await service.mark_read(ctx.app, ctx.user, notification_id)


@endpoint("PATCH", "/notifications/read-all", tag=_TAG, auth="user", aliases=["/notifications/read"])
async def mark_all_read(ctx: Context) -> None:
    """모든 알림 읽음 처리"""
    await service.mark_all_read(ctx.app, ctx.user)
