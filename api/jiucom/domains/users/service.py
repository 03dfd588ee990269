"""The user's own account."""

from jiucom import audit
from jiucom.auth import families, last_admin, mailed_tokens
from jiucom.auth.principal import Principal
from jiucom.cache import keys
from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.auth import queries as accounts
from jiucom.domains.auth.service import taken
from jiucom.domains.sellers import owners
from jiucom.domains.users import queries, renames
from jiucom.domains.users.schemas import PasswordChange, Profile, ProfileUpdate
from jiucom.errors import ErrorCode, FieldError, found, invalid
from jiucom.jobs import backlog
from jiucom.state import AppState


async def get(app: AppState, user: Principal) -> Profile:
    """The caller's account. Raises U001."""
    async with app.db.read() as session:
        return found(await queries.profile(session, user.user_id), ErrorCode.USER_NOT_FOUND)


async def update(app: AppState, user: Principal, changes: ProfileUpdate) -> Profile:
    """Change the profile. With a new nickname, caches that show it are invalidated. Raises U001, U003."""

    async def work(tx: WriteSession) -> Profile:
        before = found(await queries.profile(tx, user.user_id), ErrorCode.USER_NOT_FOUND)
        await queries.update(tx, user.user_id, changes)
        after = found(await queries.profile(tx, user.user_id), ErrorCode.USER_NOT_FOUND)
        if after.nickname != before.nickname:
            await _invalidate_author_caches(app, tx, user.user_id)
        return after

    try:
        return await app.db.write(work)
    except DuplicateKeyError as error:
        raise taken(error) from None


async def change_password(app: AppState, user: Principal, change: PasswordChange) -> None:
    """Set another password; every other login ends, and every reset. Raises JIUCOM-401 naming a wrong `currentPassword`."""
    wrong = invalid([FieldError("currentPassword", "현재 비밀번호가 일치하지 않습니다")])
    async with app.db.read() as session:
        known = await accounts.credentials_of(session, user.user_id)
    if known is None or not await app.passwords.verify(change.current_password, known.password):
        raise wrong
    password = await app.passwords.hash(change.new_password)

    async def work(tx: WriteSession) -> bool:
        locked = await accounts.lock(tx, user.user_id)
        if locked is None or locked.password != known.password:
            return False
        await accounts.set_password(tx, user.user_id, password)
        await mailed_tokens.use_reset(tx, user.user_id)
        await families.end_all(tx, user.user_id, keep=user.family)
        app.accounts.changed(tx, user.user_id)
        return True

    # A concurrent change: the compared hash is no longer the stored one.
    if not await app.db.write(work):
        raise wrong


async def withdraw(app: AppState, user: Principal) -> None:
    """Blank the account and end its logins. Raises 409 for the last administrator, U001."""

    async def work(tx: WriteSession) -> None:
        await last_admin.protect(tx, user.user_id)
        locked = found(await accounts.lock(tx, user.user_id), ErrorCode.USER_NOT_FOUND)
        await queries.withdraw(tx, user.user_id, locked.email)
        await audit.forget(tx, user.user_id)
        await owners.close(tx, user.user_id)
        await families.end_all(tx, user.user_id)
        await _invalidate_author_caches(app, tx, user.user_id)
        app.accounts.changed(tx, user.user_id)

    await app.db.write(work)


async def _invalidate_author_caches(app: AppState, tx: WriteSession, user_id: int) -> None:
    """Invalidate caches that show the user's name: lists with this transaction, posts and comments by the backlog."""
    await app.cache.invalidate(tx, keys.POSTS)
    await backlog.add(tx, renames.KIND, (user_id, None))
