"""Notifies users: a row in the caller's transaction, and a push to open connections after the commit."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import Struct

from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.notifications import queries
from jiucom.domains.notifications.schemas import Notification, NotificationType

# Lengths of the columns; texts that quote titles may be longer, and are cut.
_TITLE, _MESSAGE = 200, 500

_DEDUP_KEY = "uk_notifications_dedup"
_REFERENCE = re.compile(r"(\d{1,18})$")


class Announced(Struct, frozen=True):
    """Emitted after the commit: users with their notifications."""

    notifications: Sequence[tuple[int, Notification]]


class Notice(NamedTuple):
    """A notification with a unique key (ASCII, 100 characters at most)."""

    user_id: int
    type: NotificationType
    title: str
    message: str
    link_url: str | None
    dedup_key: str


async def announce(
    tx: WriteSession,
    user_id: int,
    type: NotificationType,
    title: str,
    message: str,
    link_url: str | None,
    dedup_key: str | None = None,
) -> bool:
    """Notify `user_id`. With a `dedup_key` (ASCII, 100 characters) that was used before nothing happens: False.

    Too long texts are cut. Raises MissingReference when there is no such user.
    """
    draft = _draft(type, title, message, link_url, datetime.now(UTC))
    try:
        notification = await queries.insert(tx, user_id, draft, dedup_key)
    except DuplicateKeyError as error:
        if error.key != _DEDUP_KEY:
            raise
        return False
    tx.emit(Announced([(user_id, notification)]))
    return True


async def announce_all(tx: WriteSession, notices: Sequence[Notice]) -> None:
    """Notify many users with a constant number of statements. Notices whose key was used before are left out."""
    at = datetime.now(UTC)
    drafts = [
        (each.user_id, _draft(each.type, each.title, each.message, each.link_url, at), each.dedup_key)
        for each in notices
    ]
    tx.emit(Announced(await queries.insert_all(tx, drafts, at)))


def _draft(type: NotificationType, title: str, message: str, link_url: str | None, at: datetime) -> Notification:
    reference = _REFERENCE.search(link_url or "")
    return Notification(
        id=0,
        type=type,
        title=_cut(title, _TITLE),
        message=_cut(message, _MESSAGE),
        link_url=link_url,
        reference_id=int(reference[1]) if reference else None,
        read=False,
        created_at=at,
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
