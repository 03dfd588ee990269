"""Sign-up, login, tokens, verification, reset."""

import hashlib
import logging
import time
from functools import partial

from jiucom.auth import families, mailed_tokens
from jiucom.auth.passwords import outdated
from jiucom.auth.principal import Principal
from jiucom.auth.tokens import Claims
from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.auth import queries
from jiucom.domains.auth.schemas import LoginIn, ResetIn, SignupIn, TokenPair
from jiucom.errors import ApiError, ErrorCode, FieldError, found, invalid
from jiucom.guesses import account_key
from jiucom.mail import enqueue
from jiucom.mail.addressing import PAUSE
from jiucom.state import AppState

log = logging.getLogger(__name__)

SUSPENDED = "이용이 정지된 계정입니다."

_NOT_GOOD = "올바르지 않거나 만료되었습니다"

_DUPLICATES = {"uk_users_email": ErrorCode.DUPLICATE_EMAIL, "uk_users_nickname": ErrorCode.DUPLICATE_NICKNAME}


def taken(error: DuplicateKeyError) -> ApiError:
    """The error for a duplicate: U002 or U003, depending on the key."""
    known = _DUPLICATES.get(error.key)
    return ApiError(known) if known else error


async def signup(app: AppState, body: SignupIn, address: str) -> TokenPair:
    """A new user, logged in. Raises U002, U003."""
    password = await app.passwords.hash(body.password)

    async def work(tx: WriteSession) -> tuple[int, families.Pair]:
        user_id = await queries.insert(tx, body.email, password, body.nickname)
        return user_id, await families.begin(tx, app.tokens, user_id, "USER")

    try:
        user_id, pair = await app.db.write(work)
    except DuplicateKeyError as error:
        raise taken(error) from None
    await app.guesses.remember(account_key(user_id, body.email), address)
    return _pair(app, pair)


async def login(app: AppState, body: LoginIn, address: str) -> TokenPair:
    """A new family of tokens. Raises A005, the same for an unknown address, A002 for a suspended account, and 429."""
    async with app.db.read() as session:
        known = await queries.credentials(session, body.email)
    async with app.guesses.at(account_key(known.id if known else None, body.email), address):
        return await _login(app, body, known)


async def _login(app: AppState, body: LoginIn, known: queries.Credentials | None) -> TokenPair:
    if not await app.passwords.verify(body.password, known.password if known else None) or known is None:
        app.metrics.logins_failed.inc()
        raise ApiError(ErrorCode.INVALID_PASSWORD)
    if known.status != "ACTIVE":
        raise ApiError(ErrorCode.FORBIDDEN, SUSPENDED)

    async def work(tx: WriteSession) -> families.Pair | None:
        user = await queries.lock(tx, known.id)
        if user is None or user.status != "ACTIVE":
            return None
        # The hash may have been replaced by one of the same password meanwhile. A changed password is refused.
        if user.password != known.password and not await app.passwords.verify(body.password, user.password):
            return None
        return await families.begin(tx, app.tokens, user.id, user.role)

    pair = await app.db.write(work)
    if pair is None:
        app.metrics.logins_failed.inc()
        raise ApiError(ErrorCode.INVALID_PASSWORD)
    if known.password and outdated(known.password):
        # In the background, so that the answer takes the same time with old and new hashes.
        app.background.run("renewal of a password hash", _renew(app, known.id, body.password, known.password))
    return _pair(app, pair)


async def refresh(app: AppState, token: str) -> TokenPair:
    """The next pair of tokens. Raises A004."""
    try:
        pair = await app.db.write(lambda tx: _rotate(app, tx, token))
    except ApiError as error:
        if error.error is ErrorCode.EXPIRED_TOKEN:
            raise ApiError(ErrorCode.INVALID_TOKEN) from None
        raise
    if pair is None:
        raise ApiError(ErrorCode.INVALID_TOKEN)
    return _pair(app, pair)


async def logout(app: AppState, access: str | None, refresh: str | None) -> None:
    """End the login of the access token (an expired one too), of the refresh token, or of both. Raises A001, A004."""
    logins: list[Claims] = []
    problem = ApiError(ErrorCode.UNAUTHORIZED)
    for token, read in ((access, app.tokens.identify), (refresh, partial(app.tokens.verify, kind="refresh"))):
        if token is not None:
            try:
                logins.append(read(token))
            except ApiError:
                problem = ApiError(ErrorCode.INVALID_TOKEN)
    if not logins:
        raise problem

    async def work(tx: WriteSession) -> None:
        for login in logins:
            if login.family:
                await families.end(tx, login.family)
            else:
                await families.end_all(tx, login.user_id)
            app.accounts.changed(tx, login.user_id)

    await app.db.write(work)


async def request_verification(app: AppState, user: Principal) -> None:
    """Mail a code to the user's address, unless it is verified already."""
    async with app.db.transaction() as tx:
        address = found(await queries.address(tx, user.user_id), ErrorCode.USER_NOT_FOUND)
        if not address.verified:
            await _enqueue(tx, address.email, "email-verification")


async def verify(app: AppState, user: Principal, code: str) -> None:
    """Take the code. Raises JIUCOM-401 naming `code` when it is wrong, too old, or tried too often."""

    async def work(tx: WriteSession) -> bool:
        locked = await queries.lock(tx, user.user_id)
        if locked is None or not await mailed_tokens.use_code(tx, locked.id, locked.email, code.strip()):
            return False
        await queries.set_verified(tx, locked.id)
        return True

    if not await app.db.write(work):
        raise invalid([FieldError("code", _NOT_GOOD)])


async def request_reset(app: AppState, email: str) -> None:
    """Mail a token, if the account exists. It is looked up when the mail is sent, so the answer does not tell."""
    async with app.db.transaction() as tx:
        await _enqueue(tx, email, "password-reset")


async def reset(app: AppState, body: ResetIn) -> None:
    """Set the password and end every login. Raises JIUCOM-401 naming `token` when it is wrong, used or too old."""
    problem = invalid([FieldError("token", _NOT_GOOD)])
    async with app.db.read() as session:
        owner = await mailed_tokens.reset_owner(session, body.token)
    if owner is None:
        raise problem
    password = await app.passwords.hash(body.new_password)

    async def work(tx: WriteSession) -> bool:
        # Checked again under the lock: another request may have used it.
        if await queries.lock(tx, owner) is None or await mailed_tokens.reset_owner(tx, body.token) != owner:
            return False
        await mailed_tokens.use_reset(tx, owner)
        await queries.set_password(tx, owner, password)
        await families.end_all(tx, owner)
        app.accounts.changed(tx, owner)
        return True

    if not await app.db.write(work):
        raise problem


async def _rotate(app: AppState, tx: WriteSession, token: str) -> families.Pair | None:
    rotation = await families.rotate(tx, app.tokens, token)
    if rotation.ended_user is not None:
        app.accounts.changed(tx, rotation.ended_user)
    return rotation.pair


async def _renew(app: AppState, user_id: int, password: str, old: str) -> None:
    try:
        new = await app.passwords.hash(password)
        async with app.db.transaction() as tx:
            await queries.renew_hash(tx, user_id, old, new)
    except ApiError as error:
        log.info("the hash of user %d stays old until the next login: %s", user_id, error.code)


async def _enqueue(tx: WriteSession, email: str, template: str) -> None:
    """Write at most one row per address in PAUSE minutes, whether or not an account has the address."""
    recipient = hashlib.sha256(email.casefold().encode()).hexdigest()[:32]
    await enqueue(tx, email, template, {}, f"{template}:{recipient}:{int(time.time()) // (60 * PAUSE)}")


def _pair(app: AppState, pair: families.Pair) -> TokenPair:
    return TokenPair(
        access_token=pair.access,
        refresh_token=pair.refresh,
        token_type="Bearer",  # noqa: S106
        expires_in=app.tokens.access_validity,
    )
