"""Protects the last administrator."""

from jiucom.db import WriteSession
from jiucom.errors import ApiError, ErrorCode

# Locked in one order and before anything else: if two administrators leave at once, the second transaction waits and sees the
# result of the first.
_ADMINS = """
SELECT id FROM users WHERE role = 'ADMIN' AND status = 'ACTIVE' AND is_deleted = FALSE ORDER BY id FOR UPDATE
"""


async def protect(tx: WriteSession, user_id: int) -> None:
    """Call it first in a transaction that takes a user's role or status. Raises 409 when no other administrator is left."""
    rows = await tx.fetch_rows(_ADMINS)
    if [row[0] for row in rows] == [user_id]:
        raise ApiError(ErrorCode.CONFLICT, "마지막 관리자입니다. 먼저 다른 관리자를 지정해 주세요.")
