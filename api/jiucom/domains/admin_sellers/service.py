"""Applications for shops. Each is decided once."""

from jiucom import audit
from jiucom.auth.principal import Principal
from jiucom.db import WriteSession
from jiucom.domains.admin_sellers import queries
from jiucom.domains.admin_sellers.schemas import Application
from jiucom.domains.notifications.announce import announce
from jiucom.domains.sellers.schemas import SellerStatus
from jiucom.errors import ApiError, ErrorCode, found
from jiucom.state import AppState
from jiucom.web import Page, PageQuery

_DECIDED = "대기 중인 신청이 아닙니다."


async def list_pending(app: AppState, query: PageQuery) -> Page[Application]:
    """Pending applications, the oldest first."""
    async with app.db.read() as session:
        total = await queries.count_pending(session)
        return Page.of(await queries.pending(session, query.size, query.offset), query, total)


async def approve(app: AppState, admin: Principal, seller_id: int, address: str) -> Application:
    """Open a shop; its owner becomes a seller. Raises S001, and 409 when it is not pending."""

    async def work(tx: WriteSession) -> Application:
        shop = await _decide(tx, admin, seller_id, SellerStatus.ACTIVE, None, address)
        if shop.user_id is not None:
            if await queries.make_seller(tx, shop.user_id):
                app.accounts.changed(tx, shop.user_id)
            text = f"판매처 '{shop.name}' 등록이 승인되었습니다."
            await announce(tx, shop.user_id, "SYSTEM", "판매처 등록 승인", text, f"/sellers/{seller_id}")
        return shop

    return await app.db.write(work)


async def reject(app: AppState, admin: Principal, seller_id: int, reason: str | None, address: str) -> Application:
    """Reject an application; the user may apply again. Raises S001, and 409 when it is not pending."""

    async def work(tx: WriteSession) -> Application:
        shop = await _decide(tx, admin, seller_id, SellerStatus.REJECTED, reason, address)
        if shop.user_id is not None:
            text = f"판매처 '{shop.name}' 등록이 거절되었습니다." + (f" 사유: {reason}" if reason else "")
            await announce(tx, shop.user_id, "SYSTEM", "판매처 등록 거절", text, None)
        return shop

    return await app.db.write(work)


async def _decide(
    tx: WriteSession, admin: Principal, seller_id: int, status: SellerStatus, reason: str | None, address: str
) -> Application:
    decided = await queries.decide(tx, seller_id, status, reason)
    shop = found(await queries.application(tx, seller_id), ErrorCode.SELLER_NOT_FOUND)
    if not decided:
        raise ApiError(ErrorCode.CONFLICT, _DECIDED)
    after = {"status": status, "rejectionReason": reason} if reason else {"status": status}
    action = "SELLER_APPROVED" if status is SellerStatus.ACTIVE else "SELLER_REJECTED"
    before = {"status": SellerStatus.PENDING}
    await audit.record(tx, admin.user_id, action, "SELLER", seller_id, before, after, address)
    return shop
