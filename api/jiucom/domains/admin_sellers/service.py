"""Applications for shops. Each is decided once."""

from jiucom import audit
from jiucom.auth.accounts import Accounts
from jiucom.db import Database, WriteSession
from jiucom.domains.admin_sellers import queries
from jiucom.domains.admin_sellers.schemas import Application
from jiucom.domains.notifications.announce import announce
from jiucom.domains.sellers.schemas import SellerStatus
from jiucom.errors import ApiError, ErrorCode
from jiucom.web import Page, PageQuery

_DECIDED = "대기 중인 신청이 아닙니다."


async def pending(db: Database, query: PageQuery) -> Page[Application]:
    """Pending applications, the oldest first."""
    async with db.read() as session:
        total = await queries.count_pending(session)
        return Page.of(await queries.pending(session, query.size, query.offset), query, total)


async def approve(db: Database, accounts: Accounts, admin_id: int, address: str, seller_id: int) -> Application:
    """Open a shop; its owner becomes a seller. Raises S001, and 409 when it is not pending."""

    async def work(tx: WriteSession) -> Application:
        shop = await _decide(tx, admin_id, address, seller_id, SellerStatus.ACTIVE, None)
        if shop.user_id is not None:
            if await queries.make_seller(tx, shop.user_id):
                accounts.changed(tx, shop.user_id)
            text = f"판매처 '{shop.name}' 등록이 승인되었습니다."
            await announce(tx, shop.user_id, "SYSTEM", "판매처 등록 승인", text, f"/sellers/{seller_id}")
        return shop

    return await db.write(work)


async def reject(db: Database, admin_id: int, address: str, seller_id: int, reason: str | None) -> Application:
    """Reject an application; the user may apply again. Raises S001, and 409 when it is not pending."""

    async def work(tx: WriteSession) -> Application:
        shop = await _decide(tx, admin_id, address, seller_id, SellerStatus.REJECTED, reason)
        if shop.user_id is not None:
            text = f"판매처 '{shop.name}' 등록이 거절되었습니다." + (f" 사유: {reason}" if reason else "")
            await announce(tx, shop.user_id, "SYSTEM", "판매처 등록 거절", text, None)
        return shop

    return await db.write(work)


async def _decide(
    tx: WriteSession, admin_id: int, address: str, seller_id: int, status: SellerStatus, reason: str | None
) -> Application:
    decided = await queries.decide(tx, seller_id, status, reason)
    shop = await queries.application(tx, seller_id)
    if shop is None:
        raise ApiError(ErrorCode.SELLER_NOT_FOUND)
    if not decided:
        raise ApiError(ErrorCode.CONFLICT, _DECIDED)
    after = {"status": status, "rejectionReason": reason} if reason else {"status": status}
    action = "SELLER_APPROVED" if status is SellerStatus.ACTIVE else "SELLER_REJECTED"
    before = {"status": SellerStatus.PENDING}
    await audit.record(tx, admin_id, action, "SELLER", seller_id, before, after, address)
    return shop
