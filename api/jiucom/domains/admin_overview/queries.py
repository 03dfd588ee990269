"""Statements of the overview."""

from datetime import datetime

from jiucom.db import ReadSession
from jiucom.domains.admin_overview.schemas import RecentUser, Totals

_TOTALS = """
SELECT (SELECT COUNT(*) FROM users WHERE is_deleted = FALSE),
    (SELECT COUNT(*) FROM users WHERE created_at >= %s AND is_deleted = FALSE),
    (SELECT COUNT(*) FROM builds WHERE is_deleted = FALSE),
    (SELECT COUNT(*) FROM parts WHERE is_deleted = FALSE),
    (SELECT COUNT(*) FROM posts WHERE is_deleted = FALSE)
"""

_RECENT = """
SELECT id, email, nickname, role, status, created_at FROM users
WHERE is_deleted = FALSE ORDER BY created_at DESC, id DESC LIMIT %s
"""

# Tables, each with a condition that makes MySQL use its index by time.
TABLES = {
    "users": "TRUE",
    "posts": "is_deleted IN (FALSE, TRUE)",
    "comments": "TRUE",
    "reviews": "TRUE",
    "builds": "TRUE",
}


async def totals(session: ReadSession, midnight: datetime) -> Totals:
    """Counts; signups from `midnight` on."""
    found = await session.fetch_one(_TOTALS, (midnight,), Totals)
    if found is None:
        raise LookupError("a SELECT of counts always has a row")
    return found


async def recent_users(session: ReadSession, limit: int) -> list[RecentUser]:
    """The newest accounts."""
    return await session.fetch_all(_RECENT, (limit,), RecentUser)


async def per_day(session: ReadSession, table: str, begin: datetime, end: datetime) -> dict[int, int]:
    """How many rows of one of TABLES were made on each day from `begin` (0, 1, ...), days of 24 hours."""
    rows = await session.fetch_rows(
        "SELECT TIMESTAMPDIFF(SECOND, %s, created_at) DIV 86400 AS day, COUNT(*)"  # noqa: S608
        f" FROM {table} WHERE {TABLES[table]} AND created_at >= %s AND created_at < %s GROUP BY day",
        (begin, begin, end),
    )
    return {int(day): int(count) for day, count in rows}
