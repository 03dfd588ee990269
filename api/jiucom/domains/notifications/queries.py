"""Statements about notifications. Those for a user's request contain the user's id."""

import typing
from collections.abc import Sequence
from datetime import datetime

import msgspec

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.notifications.schemas import Notification
from jiucom.encoding import json_text

_COLUMNS = "id, type, title, message, link_url, reference_id, is_read, created_at"
_MINE = "user_id = %s AND is_deleted = FALSE"

_INSERT = """
INSERT INTO notifications (user_id, type, title, message, link_url, reference_id, created_at, updated_at, dedup_key)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""

_KEY = "dedup_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin"

_INSERT_ALL = f"""
INSERT INTO notifications (user_id, type, title, message, link_url, reference_id, created_at, updated_at, dedup_key)
SELECT draft.user_id, draft.type, draft.title, draft.message, draft.link_url, draft.reference_id, %s, %s, draft.dedup_key
FROM JSON_TABLE(%s, '$[*]' COLUMNS (
    user_id BIGINT PATH '$[0]', type VARCHAR(20) PATH '$[1]', title VARCHAR(200) PATH '$[2]',
    message VARCHAR(500) PATH '$[3]', link_url VARCHAR(500) PATH '$[4]', reference_id BIGINT PATH '$[5]',
    {_KEY} PATH '$[6]'
)) AS draft
ON DUPLICATE KEY UPDATE id = notifications.id
"""  # noqa: S608

# `created_at` tells our new rows from earlier ones with the same key.
_INSERTED = f"""
SELECT dedup_key, notifications.id
FROM JSON_TABLE(%s, '$[*]' COLUMNS ({_KEY} PATH '$')) AS wanted STRAIGHT_JOIN notifications USING (dedup_key)
WHERE created_at = %s
"""  # noqa: S608


_BY_IDS = f"""
SELECT {", ".join(f"notifications.{column}" for column in _COLUMNS.split(", "))}
FROM JSON_TABLE(%s, '$[*]' COLUMNS (id BIGINT PATH '$')) AS wanted STRAIGHT_JOIN notifications USING (id) ORDER BY id
"""  # noqa: S608


async def insert(tx: WriteSession, user_id: int, draft: Notification, dedup_key: str | None) -> Notification:
    """Store; the draft with its id. Raises DuplicateKey when the key was used, MissingReference for no such user."""
    at = draft.created_at
    row = (user_id, draft.type, draft.title, draft.message, draft.link_url, draft.reference_id, at, at, dedup_key)
    return msgspec.structs.replace(draft, id=await tx.insert(_INSERT, row))


async def insert_all(
    tx: WriteSession, drafts: Sequence[tuple[int, Notification, str]], at: datetime
) -> list[tuple[int, Notification]]:
    """Store drafts (with their users and keys) of one moment whose keys are new; users, and drafts with their ids."""
    rows = [(user, d.type, d.title, d.message, d.link_url, d.reference_id, key) for user, d, key in drafts]
    await tx.execute(_INSERT_ALL, (at, at, json_text(rows)))
    keys = json_text([key for _, _, key in drafts])
    ids = dict(await tx.fetch_rows(_INSERTED, (keys, at)))
    return [(user, msgspec.structs.replace(draft, id=ids[key])) for user, draft, key in drafts if key in ids]


async def page(session: ReadSession, user_id: int, limit: int, offset: int) -> list[Notification]:
    """The user's notifications, newest first."""
    return await session.fetch_all(
        f"SELECT {_COLUMNS} FROM notifications WHERE {_MINE} ORDER BY created_at DESC, id DESC LIMIT %s OFFSET %s",  # noqa: S608
        (user_id, limit, offset),
        Notification,
    )


async def newest(session: ReadSession) -> int:
    """The highest id of all users; 0 without any."""
    return int(await session.fetch_value("SELECT COALESCE(MAX(id), 0) FROM notifications"))


async def after(session: ReadSession, notification_id: int, limit: int) -> Sequence[tuple[int, int]]:
    """Ids and users of all notifications with a higher id, in the order of the ids."""
    sql = "SELECT id, user_id FROM notifications WHERE id > %s ORDER BY id LIMIT %s"
    return typing.cast("Sequence[tuple[int, int]]", await session.fetch_rows(sql, (notification_id, limit)))


async def by_ids(session: ReadSession, ids: Sequence[int]) -> list[Notification]:
    """Notifications of any users, in the order of the ids."""
    return await session.fetch_all(_BY_IDS, (json_text(ids),), Notification)


async def count(session: ReadSession, user_id: int) -> int:
    """How many the user has."""
    return int(await session.fetch_value(f"SELECT COUNT(*) FROM notifications WHERE {_MINE}", (user_id,)))  # noqa: S608


async def count_unread(session: ReadSession, user_id: int) -> int:
    """How many of them are unread."""
    sql = f"SELECT COUNT(*) FROM notifications WHERE {_MINE} AND is_read = FALSE"  # noqa: S608
    return int(await session.fetch_value(sql, (user_id,)))


async def mark_read(tx: WriteSession, notification_id: int, user_id: int) -> Notification | None:
    """Mark as read; the notification, None when the user has no such one."""
    where = f"id = %s AND {_MINE}"
    await tx.execute(f"UPDATE notifications SET is_read = TRUE WHERE {where}", (notification_id, user_id))  # noqa: S608
    return await tx.fetch_one(
        f"SELECT {_COLUMNS} FROM notifications WHERE {where}",  # noqa: S608
        (notification_id, user_id),
        Notification,
    )


async def mark_all_read(tx: WriteSession, user_id: int) -> None:
    """Mark all of the user's as read."""
    await tx.execute(f"UPDATE notifications SET is_read = TRUE WHERE {_MINE} AND is_read = FALSE", (user_id,))  # noqa: S608


async def exists(session: ReadSession, notification_id: int) -> bool:
    """Whether it exists, for any user."""
    sql = "SELECT 1 FROM notifications WHERE id = %s AND is_deleted = FALSE"
    return await session.fetch_value(sql, (notification_id,)) is not None
