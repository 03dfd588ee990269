"""Statements about the user's own account."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.authors import WITHDRAWN
from jiucom.domains.users.schemas import Profile, ProfileUpdate

_PROFILE = """
SELECT id, email, nickname, profile_image_url, role, email_verified_at, created_at
FROM users WHERE id = %s AND is_deleted = FALSE
"""

_UPDATE = """
UPDATE users
SET nickname = COALESCE(%s, nickname), profile_image_url = NULLIF(COALESCE(%s, profile_image_url), ''),
    updated_at = UTC_TIMESTAMP(6)
WHERE id = %s AND is_deleted = FALSE
"""

_WITHDRAW = """
UPDATE users
SET email = '', password = NULL, nickname = %s, profile_image_url = NULL, social_id = NULL, email_verified_at = NULL,
    status = 'WITHDRAWN', is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6)
WHERE id = %s AND is_deleted = FALSE
"""

# Data that only the user has seen.
_PRIVATE_THINGS = (
    "DELETE FROM favorites WHERE user_id = %s",
    "DELETE FROM notifications WHERE user_id = %s",
    "DELETE FROM account_tokens WHERE user_id = %s",
    "DELETE FROM price_alerts WHERE user_id = %s",
)

_MAILS = "DELETE FROM mail_outbox WHERE recipient = %s"


async def profile(session: ReadSession, user_id: int) -> Profile | None:
    """The account, unless it was withdrawn."""
    return await session.fetch_one(_PROFILE, (user_id,), Profile)


async def update(tx: WriteSession, user_id: int, changes: ProfileUpdate) -> bool:
    """Change the given fields; False when there is no such account. Raises DuplicateKeyError `uk_users_nickname`."""
    return bool(await tx.execute(_UPDATE, (changes.nickname, changes.profile_image_url, user_id)))


async def withdraw(tx: WriteSession, user_id: int, email: str) -> None:
    """Blank the account and delete data that only the user has seen. Posts, comments, reviews and builds stay."""
    for statement in _PRIVATE_THINGS:
        await tx.execute(statement, (user_id,))
    await tx.execute(_MAILS, (email,))
    await tx.execute(_WITHDRAW, (WITHDRAWN, user_id))
