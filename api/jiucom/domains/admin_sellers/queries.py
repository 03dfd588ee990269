"""Statements about applications."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.admin_sellers.schemas import Application
from jiucom.domains.sellers.schemas import SellerStatus

_APPLICATION = """
SELECT sellers.id, sellers.name, sellers.site_url, sellers.logo_url, sellers.status, sellers.rejection_reason,
    users.id, users.email, users.nickname, sellers.updated_at
FROM sellers LEFT JOIN users ON users.id = sellers.user_id
"""
_PENDING = "sellers.status = 'PENDING' AND sellers.is_deleted = FALSE"


async def pending(session: ReadSession, limit: int, offset: int) -> list[Application]:
    """Pending applications, the oldest first."""
    sql = f"{_APPLICATION} WHERE {_PENDING} ORDER BY sellers.updated_at, sellers.id LIMIT %s OFFSET %s"
    return await session.fetch_all(sql, (limit, offset), Application)


async def count_pending(session: ReadSession) -> int:
    """How many applications are pending."""
    return int(await session.fetch_value(f"SELECT COUNT(*) FROM sellers WHERE {_PENDING}"))  # noqa: S608


async def application(session: ReadSession, seller_id: int) -> Application | None:
    """A shop in any state."""
    sql = f"{_APPLICATION} WHERE sellers.id = %s AND sellers.is_deleted = FALSE"
    return await session.fetch_one(sql, (seller_id,), Application)


async def decide(tx: WriteSession, seller_id: int, status: SellerStatus, reason: str | None) -> bool:
    """Decide a pending application; False when there is none."""
    sql = (
        "UPDATE sellers SET status = %s, rejection_reason = %s, updated_at = UTC_TIMESTAMP(6)"  # noqa: S608
        f" WHERE id = %s AND {_PENDING}"
    )
    return await tx.execute(sql, (status, reason, seller_id)) == 1


async def make_seller(tx: WriteSession, user_id: int) -> bool:
    """A user becomes a seller; False when they are one already, or an administrator."""
    sql = "UPDATE users SET role = 'SELLER', updated_at = UTC_TIMESTAMP(6) WHERE id = %s AND role = 'USER'"
    return await tx.execute(sql, (user_id,)) == 1
