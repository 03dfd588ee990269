"""Statements about accounts, for administrators."""

from jiucom.db import ReadSession, WriteSession
from jiucom.db.sql import Sql, given, where
from jiucom.domains.admin_users.schemas import AdminUser, UserQuery
from jiucom.rules.search_terms import like

_COLUMNS = "SELECT id, email, nickname, role, status, email_verified_at, created_at FROM users"

_SET_STATUS = "UPDATE users SET status = %s, updated_at = UTC_TIMESTAMP(6) WHERE id = %s"

_SET_ROLE = "UPDATE users SET role = %s, updated_at = UTC_TIMESTAMP(6) WHERE id = %s"


async def page(session: ReadSession, query: UserQuery) -> tuple[list[AdminUser], int]:
    """One page of the accounts, newest first, and how many the query finds."""
    condition = _where(query)
    content = await session.fetch_all(
        f"{_COLUMNS} WHERE {condition.text} ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s",
        (*condition.args, query.size, query.offset),
        AdminUser,
    )
    total = await session.fetch_value(f"SELECT COUNT(*) FROM users WHERE {condition.text}", condition.args)  # noqa: S608
    return content, int(total)


async def by_id(session: ReadSession, user_id: int) -> AdminUser | None:
    """An account that was not withdrawn."""
    return await session.fetch_one(f"{_COLUMNS} WHERE id = %s AND is_deleted = FALSE", (user_id,), AdminUser)


async def lock(tx: WriteSession, user_id: int) -> AdminUser | None:
    """The same, locked."""
    return await tx.fetch_one(f"{_COLUMNS} WHERE id = %s AND is_deleted = FALSE FOR UPDATE", (user_id,), AdminUser)


async def set_status(tx: WriteSession, user_id: int, status: str) -> None:
    """Another status."""
    await tx.execute(_SET_STATUS, (status, user_id))


async def set_role(tx: WriteSession, user_id: int, role: str) -> None:
    """Another role."""
    await tx.execute(_SET_ROLE, (role, user_id))


def _where(query: UserQuery) -> Sql:
    """Only the filters that were given."""
    words = query.keyword and Sql("(email LIKE %s OR nickname LIKE %s)", (f"%{like(query.keyword)}%",) * 2)
    return where(
        words or None,
        given("role = %s", query.role),
        given("status = %s", query.status),
    )
