"""Administration of shops."""

from jiucom.domains.admin_sellers import service
from jiucom.domains.admin_sellers.schemas import Application, Rejection
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Page, PageQuery, endpoint

_TAG = "Admin"
_ERRORS = [ErrorCode.SELLER_NOT_FOUND, ErrorCode.CONFLICT]


@endpoint("GET", "/admin/sellers/pending", tag=_TAG, auth="admin")
async def list_pending(ctx: Context, query: PageQuery) -> Page[Application]:
    """승인 대기 중인 판매처 (오래된 순)"""
    return await service.list_pending(ctx.app, query)


@endpoint("PUT", "/admin/sellers/{sellerId}/approve", tag=_TAG, auth="admin", errors=_ERRORS)
async def approve(ctx: Context, seller_id: Id) -> Application:
    """판매처 승인

    신청한 사용자는 판매자가 되고 알림을 받는다.
    """
    return await service.approve(ctx.app, ctx.user, seller_id, ctx.client_address)


@endpoint("PUT", "/admin/sellers/{sellerId}/reject", tag=_TAG, auth="admin", errors=_ERRORS)
async def reject(ctx: Context, seller_id: Id, body: Rejection | None) -> Application:
    """판매처 거절

    사유는 선택이며, 신청한 사용자에게 알린다.
    """
    reason = body.reason if body else None
    return await service.reject(ctx.app, ctx.user, seller_id, reason, ctx.client_address)
