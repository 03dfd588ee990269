"""Invalidates the cached posts and comments that show an author's former name.

A backlog task names the author. Their own posts come first, then the posts they have commented on, the newest first.
"""

from collections.abc import Sequence
from typing import Any

from jiucom.cache import Cache, RedisUnavailableError, keys
from jiucom.db import WriteSession
from jiucom.jobs import backlog
from jiucom.jobs.backlog import Step, Task

KIND = "author-renamed"

_BATCH = 200

# In the order of the indexes by author.
_FOLLOWING = """
FROM {table} WHERE user_id = %s AND is_deleted = FALSE AND (created_at < %s OR (created_at = %s AND id < %s))
ORDER BY created_at DESC, id DESC LIMIT %s
"""
_WRITTEN = (
    f"SELECT id, created_at, id {_FOLLOWING.format(table='posts')}",
    f"SELECT id, created_at, post_id {_FOLLOWING.format(table='comments')}",
)
_NEWEST = ("9999-12-31", 2**63 - 1)


def step(cache: Cache) -> Step:
    """The backlog step for such tasks."""

    async def invalidate(tx: WriteSession, task: Task) -> Sequence[Any] | None:
        if task.position is None:
            await backlog.replace_earlier(tx, task)
        table, at, last = task.position or (0, *_NEWEST)
        rows = await tx.fetch_rows(_WRITTEN[table], (task.subject_id, at, at, last, _BATCH))
        if rows and not await cache.invalidate_now(sorted({keys.post(post) for _, _, post in rows})):
            raise RedisUnavailableError("cached names are invalidated later")
        if len(rows) == _BATCH:
            return table, str(rows[-1][1]), rows[-1][0]
        return (table + 1, *_NEWEST) if table + 1 < len(_WRITTEN) else None

    return invalidate
