"""Statements about the user's own account."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.authors import WITHDRAWN
from jiucom.domains.posts.schemas import PostItem
from jiucom.domains.prices.schemas import Alert
from jiucom.domains.reviews.schemas import Review
from jiucom.domains.users.schemas import Profile, ProfileUpdate
from jiucom.web import PageQuery

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

_MY_POSTS = """
SELECT posts.id, posts.board_type, posts.title, LEFT(posts.content, 150), posts.user_id, users.nickname,
    posts.view_count, posts.like_count, posts.comment_count, posts.created_at
FROM posts JOIN users ON users.id = posts.user_id
WHERE posts.user_id = %s AND posts.is_deleted = FALSE
ORDER BY posts.created_at DESC, posts.id DESC LIMIT %s OFFSET %s
"""

_COUNT_POSTS = "SELECT COUNT(*) FROM posts WHERE user_id = %s AND is_deleted = FALSE"

_MY_REVIEWS = """
SELECT reviews.id, reviews.part_id, parts.name, reviews.user_id, users.nickname, reviews.rating, reviews.content,
    reviews.like_count, reviews.created_at, reviews.updated_at
FROM reviews JOIN users ON users.id = reviews.user_id JOIN parts ON parts.id = reviews.part_id
WHERE reviews.user_id = %s AND reviews.is_deleted = FALSE
ORDER BY reviews.created_at DESC, reviews.id DESC LIMIT %s OFFSET %s
"""

_COUNT_REVIEWS = "SELECT COUNT(*) FROM reviews WHERE user_id = %s AND is_deleted = FALSE"

_MY_ALERTS = """
SELECT price_alerts.id, parts.id, parts.name, price_alerts.target_price, parts.lowest_price, price_alerts.is_active,
    price_alerts.is_triggered, price_alerts.created_at
FROM price_alerts JOIN parts ON parts.id = price_alerts.part_id AND parts.is_deleted = FALSE
WHERE price_alerts.user_id = %s AND price_alerts.is_deleted = FALSE
ORDER BY price_alerts.created_at DESC, price_alerts.id DESC LIMIT %s OFFSET %s
"""

_COUNT_ALERTS = """
SELECT COUNT(*) FROM price_alerts JOIN parts ON parts.id = price_alerts.part_id AND parts.is_deleted = FALSE
WHERE price_alerts.user_id = %s AND price_alerts.is_deleted = FALSE
"""


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


async def posts(session: ReadSession, user_id: int, query: PageQuery) -> tuple[list[PostItem], int]:
    """One page of the user's posts, newest first, and how many there are."""
    content = await session.fetch_all(_MY_POSTS, (user_id, query.size, query.offset), PostItem)
    return content, int(await session.fetch_value(_COUNT_POSTS, (user_id,)))


async def reviews(session: ReadSession, user_id: int, query: PageQuery) -> tuple[list[Review], int]:
    """One page of the user's reviews, newest first, and how many there are."""
    content = await session.fetch_all(_MY_REVIEWS, (user_id, query.size, query.offset), Review)
    return content, int(await session.fetch_value(_COUNT_REVIEWS, (user_id,)))


async def alerts(session: ReadSession, user_id: int, query: PageQuery) -> tuple[list[Alert], int]:
    """One page of the user's price alerts, those that have fired too, newest first, and how many there are."""
    content = await session.fetch_all(_MY_ALERTS, (user_id, query.size, query.offset), Alert)
    return content, int(await session.fetch_value(_COUNT_ALERTS, (user_id,)))
