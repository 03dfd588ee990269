"""Stored counters: compares them with the rows they count, and corrects them."""

from dataclasses import dataclass

import msgspec

from jiucom.cache import keys
from jiucom.db import WriteSession
from jiucom.jobs.job import Report, Tools

# Ids per statement: it stays short however large the table is.
_STEP = 5000


@dataclass(frozen=True, slots=True)
class Counter:
    """A column, and the SQL of its right value. `post` is the SQL of the id of the post whose caches show it."""

    table: str
    column: str
    truth: str
    post: str = "NULL"

    @property
    def name(self) -> str:
        """As in reports."""
        return f"{self.table}.{self.column}"


def _likes(table: str, kind: str, post: str = "NULL") -> Counter:
    truth = f"(SELECT COUNT(*) FROM content_likes WHERE target_type = '{kind}' AND target_id = {table}.id)"  # noqa: S608
    return Counter(table, "like_count", truth, post)


COUNTERS = (
    _likes("posts", "POST", "id"),
    _likes("comments", "COMMENT", "post_id"),
    _likes("reviews", "REVIEW"),
    _likes("builds", "BUILD"),
    Counter(
        "posts",
        "comment_count",
        "(SELECT COUNT(*) FROM comments WHERE comments.post_id = posts.id AND comments.is_deleted = FALSE)",
        "id",
    ),
    Counter(
        "builds",
        "total_price",
        "(SELECT CAST(COALESCE(SUM(unit_price * quantity), 0) AS SIGNED) FROM build_parts WHERE build_id = builds.id)",
    ),
)


class Drift(msgspec.Struct, frozen=True):
    """A stored number that differs from the rows it counts."""

    counter: str
    id: int
    stored: int
    actual: int


async def check(tools: Tools) -> list[Drift]:
    """All drifted counters. Each comparison is one statement, so concurrent writes do not look like drift."""
    found = []
    for counter in COUNTERS:
        drifts = await _drifts(tools, counter)
        found += drifts
        tools.progress(f"{counter.name}: {len(drifts)} drifted")
    return found


async def repair(tools: Tools) -> Report:
    """Correct what drifted; how many, by counter."""
    report = {}
    for counter in COUNTERS:
        drifts = await _drifts(tools, counter)
        for drift in drifts:
            await _repair(tools, counter, drift.id)
        report[counter.name] = len(drifts)
        tools.progress(f"{counter.name}: {len(drifts)} repaired")
    return report


async def _drifts(tools: Tools, counter: Counter) -> list[Drift]:
    table, column = counter.table, counter.column
    async with tools.db.read() as session:
        last = int(await session.fetch_value(f"SELECT COALESCE(MAX(id), 0) FROM {table}"))  # noqa: S608
        found = []
        for start in range(0, last, _STEP):
            rows = await session.fetch_rows(
                f"SELECT id, {column}, {counter.truth} AS actual FROM {table}"  # noqa: S608
                f" WHERE id > %s AND id <= %s HAVING {column} <> actual ORDER BY id",
                (start, start + _STEP),
            )
            found += [Drift(counter.name, row[0], row[1], row[2]) for row in rows]
            if start + _STEP < last:
                tools.progress(f"{counter.name}: {start + _STEP} of {last} rows")
    return found


async def _repair(tools: Tools, counter: Counter, row: int) -> None:
    table, column = counter.table, counter.column

    async def work(tx: WriteSession) -> None:
        # Writers change the rows and the counter in one transaction, the counter last or under this lock.
        post = await tx.fetch_value(f"SELECT {counter.post} FROM {table} WHERE id = %s FOR UPDATE", (row,))  # noqa: S608
        actual = await tx.fetch_value(f"SELECT {counter.truth} FROM {table} WHERE id = %s", (row,))  # noqa: S608
        await tx.execute(f"UPDATE {table} SET {column} = %s WHERE id = %s", (actual, row))  # noqa: S608
        if post is not None:
            await tools.cache.invalidate(tx, keys.post(post), keys.POSTS)

    await tools.db.write(work)
