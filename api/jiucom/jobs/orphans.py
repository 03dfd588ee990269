"""Images that nothing shows: removed a day after their upload, so that a text being written keeps its pictures."""

import re

import anyio.to_thread

from jiucom.domains.images import queries
from jiucom.jobs.job import Report, Tools

_BATCH = 500
_AGE = 24  # h

_NAME = re.compile(r"/images/[a-z]+/([0-9a-f]{32}\.(?:jpg|png|webp))", re.ASCII)


async def remove(tools: Tools) -> Report:
    """Mark what is shown, remove what is not, and files that no row knows."""
    await _mark(tools)
    return {"images": await _remove_rows(tools), "files": await _remove_files(tools)}


async def _mark(tools: Tools) -> None:
    shown: set[str] = set()
    position: tuple[int, int] | None = (0, 0)
    async with tools.db.read() as session:
        marked = await queries.attached(session)
        while position is not None:
            texts, position = await queries.texts(session, position, _BATCH)
            shown.update(name for text in texts for name in _NAME.findall(text))
    for names, flag in ((sorted(shown - marked), True), (sorted(marked - shown), False)):
        for start in range(0, len(names), _BATCH):
            async with tools.db.transaction() as tx:
                await queries.mark(tx, names[start : start + _BATCH], shown=flag)


async def _remove_rows(tools: Tools) -> int:
    total = 0
    while True:
        async with tools.db.transaction() as tx:
            found = await queries.orphans(tx, _AGE, _BATCH)
            await queries.delete(tx, [each for each, _, _ in found])
        # Rows first: a file without a row is found by the next run, a row without a file would be a dead link.
        for _, directory, name in found:
            await anyio.to_thread.run_sync(tools.storage.remove, directory, name)
        total += len(found)
        tools.progress(f"{total} images")
        if len(found) < _BATCH:
            return total


async def _remove_files(tools: Tools) -> int:
    old = await anyio.to_thread.run_sync(lambda: list(tools.storage.older_than(_AGE * 3600)))
    total = 0
    for start in range(0, len(old), _BATCH):
        batch = old[start : start + _BATCH]
        async with tools.db.read() as session:
            known = await queries.known(session, [name for _, name in batch])
        for directory, name in batch:
            if name not in known:
                await anyio.to_thread.run_sync(tools.storage.remove_stray, directory, name)
                total += 1
    return total
