"""Administration of accounts. Changes take effect on every replica within a second, and are recorded in the audit log."""

from jiucom import audit
from jiucom.auth import families, last_admin
from jiucom.auth.principal import Principal, Role
from jiucom.db import WriteSession
from jiucom.domains.admin_users import queries
from jiucom.domains.admin_users.schemas import AdminUser, UserQuery
from jiucom.domains.sellers import owners
from jiucom.errors import ErrorCode, found
from jiucom.state import AppState
from jiucom.web import Page


async def list_users(app: AppState, query: UserQuery) -> Page[AdminUser]:
    """One page of the accounts."""
    async with app.db.read() as session:
        content, total = await queries.page(session, query)
    return Page.of(content, query, total)


async def set_status(app: AppState, admin: Principal, user_id: int, status: str, address: str) -> AdminUser:
    """Suspend an account and end its logins, or activate it again. Raises U001, 409 for the last administrator."""

    async def work(tx: WriteSession) -> AdminUser:
        if status != "ACTIVE":
            await last_admin.protect(tx, user_id)
        before = await _lock(tx, user_id)
        if before.status == status:
            return before
        await queries.set_status(tx, user_id, status)
        if status != "ACTIVE":
            await families.end_all(tx, user_id)
        changes = ({"status": before.status}, {"status": status})
        await audit.record(tx, admin.user_id, "USER_STATUS_CHANGED", "USER", user_id, *changes, address)
        app.accounts.changed(tx, user_id)
        after = await _lock(tx, user_id)
        await owners.follow(tx, user_id, after.status, after.role)
        return after

    return await app.db.write(work)


async def set_role(app: AppState, admin: Principal, user_id: int, role: Role, address: str) -> AdminUser:
    """Give an account another role. Raises U001, 409 for the last administrator."""

    async def work(tx: WriteSession) -> AdminUser:
        if role != "ADMIN":
            await last_admin.protect(tx, user_id)
        before = await _lock(tx, user_id)
        if before.role == role:
            return before
        await queries.set_role(tx, user_id, role)
        changes = ({"role": before.role}, {"role": role})
        await audit.record(tx, admin.user_id, "USER_ROLE_CHANGED", "USER", user_id, *changes, address)
        app.accounts.changed(tx, user_id)
        after = await _lock(tx, user_id)
        await owners.follow(tx, user_id, after.status, after.role)
        return after

    return await app.db.write(work)


async def _lock(tx: WriteSession, user_id: int) -> AdminUser:
    return found(await queries.lock(tx, user_id), ErrorCode.USER_NOT_FOUND)
