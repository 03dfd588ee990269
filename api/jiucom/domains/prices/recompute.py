"""Recomputes scores and prices of parts. They are updated with each change, so this finds something only when the rules have
changed, or the database was changed by hand."""

from jiucom.db import WriteSession
from jiucom.domains.prices import change_queries, changes
from jiucom.jobs.job import Report, Tools

_BATCH = 500

_NEXT = "SELECT id FROM parts WHERE id > %s AND is_deleted = FALSE ORDER BY id LIMIT %s"


async def recompute(tools: Tools) -> Report:
    """Settle the parts whose stored values are wrong."""
    last, looked, changed = 0, 0, 0
    while True:
        async with tools.db.transaction() as tx:
            ids = [row[0] for row in await tx.fetch_rows(_NEXT, (last, _BATCH))]
            standings = await change_queries.standings(tx, ids) if ids else []
        drifted = [part.id for part in standings if changes.settled(part) is not None]
        if drifted:
            await _settle(tools, drifted)
        looked, changed = looked + len(ids), changed + len(drifted)
        if len(ids) < _BATCH:
            return {"parts": looked, "changed": changed}
        last = ids[-1]
        tools.progress(f"{looked} parts")


async def _settle(tools: Tools, ids: list[int]) -> None:
    async def work(tx: WriteSession) -> None:
        await change_queries.lock(tx, ids)
        await changes.settle(tx, tools.cache, ids)

    await tools.db.write(work)
