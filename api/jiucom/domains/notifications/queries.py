"""Statements of notifications: every one that a user causes carries the user's id."""

import msgspec

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.notifications.schemas import Notification

_COLUMNS = "id, type, title, message, link_url, reference_id, is_read, created_at"
_MINE = "user_id = %s AND is_deleted = FALSE"

_INSERT = """
INSERT INTO notifications (user_id, type, title, message, link_url, reference_id, created_at, updated_at, dedup_key)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""


async def insert(tx: WriteSession, user_id: int, draft: Notification, dedup_key: str | None) -> Notification:
    """Store; the draft with its id. Raises DuplicateKey when the key was used, MissingReference for no such user."""
    at = draft.created_at
    row = (user_id, draft.type, draft.title, draft.message, draft.link_url, draft.reference_id, at, at, dedup_key)
    return msgspec.structs.replace(draft, id=await tx.insert(_INSERT, row))


async def page(session: ReadSession, user_id: int, limit: int, offset: int) -> list[Notification]:
    """The newest first."""
    return await session.fetch_all(
        f"SELECT {_COLUMNS} FROM notifications WHERE {_MINE} ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s",  # noqa: S608
        (user_id, limit, offset),
        Notification,
    )


async def count(session: ReadSession, user_id: int) -> int:
    """How many the user has."""
    return int(await session.fetch_value(f"SELECT COUNT(*) FROM notifications WHERE {_MINE}", (user_id,)))  # noqa: S608


async def count_unread(session: ReadSession, user_id: int) -> int:
    """How many of them are unread."""
    sql = f"SELECT COUNT(*) FROM notifications WHERE {_MINE} AND is_read = FALSE"  # noqa: S608
    return int(await session.fetch_value(sql, (user_id,)))


async def mark_read(tx: WriteSession, notification_id: int, user_id: int) -> Notification | None:
    """The notification, read now; None when the user has no such one."""
    where = f"id = %s AND {_MINE}"
    await tx.execute(f"UPDATE notifications SET is_read = TRUE WHERE {where}", (notification_id, user_id))  # noqa: S608
    return await tx.fetch_one(
        f"SELECT {_COLUMNS} FROM notifications WHERE {where}",  # noqa: S608
        (notification_id, user_id),
        Notification,
    )


async def mark_all_read(tx: WriteSession, user_id: int) -> None:
    """All of the user's are read now."""
    await tx.execute(f"UPDATE notifications SET is_read = TRUE WHERE {_MINE} AND is_read = FALSE", (user_id,))  # noqa: S608


async def exists(session: ReadSession, notification_id: int) -> bool:
    """Whether anybody has it."""
    sql = "SELECT 1 FROM notifications WHERE id = %s AND is_deleted = FALSE"
    return await session.fetch_value(sql, (notification_id,)) is not None
