"""Removes images that no text shows, a day after their upload, so that a text being written keeps its pictures."""

import re
from datetime import datetime

import anyio.to_thread

from jiucom.db import ReadSession
from jiucom.domains.images import queries
from jiucom.domains.images.storage import Storage
from jiucom.jobs.job import Report, Tools

_BATCH = 500
_AGE = 24  # h

# Before any row.
_EVER = datetime(1970, 1, 1)

_NAME = re.compile(r"/images/[a-z]+/([0-9a-f]{32}\.(?:jpg|png|webp))", re.ASCII)


async def remove(tools: Tools) -> Report:
    """Mark images that are shown, remove the others, and remove files without a row."""
    async with tools.db.read() as session:
        begun = await queries.one_minute_ago(session)
    shown = await _mark(tools)
    storage = Storage(tools.settings.storage_upload_dir)
    return {"images": await _remove_rows(tools, storage, begun), "files": await _remove_files(tools, storage, shown)}


async def _mark(tools: Tools) -> set[str]:
    """Mark exactly the images that texts show; returns their names."""
    async with tools.db.read() as session:
        marked = await queries.attached(session)
        shown = await _shown(session, _EVER)
    for names, flag in ((sorted(shown - marked), True), (sorted(marked - shown), False)):
        for start in range(0, len(names), _BATCH):
            async with tools.db.transaction() as tx:
                await queries.mark(tx, names[start : start + _BATCH], shown=flag)
    return shown


async def _shown(session: ReadSession, since: datetime) -> set[str]:
    """Names of images in texts that were changed since."""
    shown: set[str] = set()
    position: tuple[int, int] | None = (0, 0)
    while position is not None:
        texts, position = await queries.texts(session, position, _BATCH, since)
        shown.update(name for text in texts for name in _NAME.findall(text))
    return shown


async def _remove_rows(tools: Tools, storage: Storage, begun: datetime) -> int:
    total = 0
    while True:
        async with tools.db.transaction() as tx:
            found = await queries.orphans(tx, _AGE, _BATCH)
            await queries.delete(tx, [image.id for image in found])
        # A text that was committed before this transaction may show one of these images: one that moved from a text not
        # yet read to one already read, or a new text. Those rows are restored. A later text finds no image to show.
        async with tools.db.read() as session:
            shown = await _shown(session, begun) if found else set()
        kept = [image for image in found if image.file_name in shown]
        async with tools.db.transaction() as tx:
            await queries.restore(tx, kept)
        for image in found:
            if image.file_name not in shown:
                await anyio.to_thread.run_sync(storage.remove, image.directory, image.file_name)
        total += len(found) - len(kept)
        tools.progress(f"{total} images")
        if len(found) < _BATCH:
            return total


async def _remove_files(tools: Tools, storage: Storage, shown: set[str]) -> int:
    """Remove files without a row, unless a text shows them: a run that died may not have restored their rows."""
    old = await anyio.to_thread.run_sync(lambda: list(storage.older_than(_AGE * 3600)))
    total = 0
    for start in range(0, len(old), _BATCH):
        batch = old[start : start + _BATCH]
        async with tools.db.read() as session:
            known = await queries.known(session, [name for _, name in batch])
        for directory, name in batch:
            if name not in known and name not in shown:
                await anyio.to_thread.run_sync(storage.remove_stray, directory, name)
                total += 1
    return total
