"""Tells a user something: a row in the caller's transaction, and a push to open connections once it has committed."""

import re
from datetime import UTC, datetime

from msgspec import Struct

from jiucom.db import DuplicateKeyError, WriteSession
from jiucom.domains.notifications import queries
from jiucom.domains.notifications.schemas import Notification, NotificationType

# The columns' lengths: texts quote titles of others, which may be longer.
_TITLE, _MESSAGE = 200, 500

_DEDUP_KEY = "uk_notifications_dedup"
_REFERENCE = re.compile(r"(\d{1,18})$")


class Announced(Struct, frozen=True):
    """Emitted after the commit: what is pushed, and to whom."""

    user_id: int
    notification: Notification


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
    reference = _REFERENCE.search(link_url or "")
    draft = Notification(
        id=0,
        type=type,
        title=_cut(title, _TITLE),
        message=_cut(message, _MESSAGE),
        link_url=link_url,
        reference_id=int(reference[1]) if reference else None,
        read=False,
        created_at=datetime.now(UTC),
    )
    try:
        notification = await queries.insert(tx, user_id, draft, dedup_key)
    except DuplicateKeyError as error:
        if error.key != _DEDUP_KEY:
            raise
        return False
    tx.emit(Announced(user_id, notification))
    return True


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
