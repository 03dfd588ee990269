"""Uploads that are newer than the last archive: copied off their volume, and shipped, as the binary logs are.

A file never changes, and appears whole, so that a copy is made once.
"""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

from jiucom_backup import store
from jiucom_backup.docker import volume
from jiucom_backup.settings import Settings


def directory(settings: Settings) -> Path:
    """Return where they are copied to."""
    return settings.store / "uploads"


def files(folder: Path) -> list[Path]:
    """Return the finished files below a directory."""
    return [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]


def copy(settings: Settings) -> None:
    """Copy what is new since the newest archive was begun, and remove copies that are older than the logs."""
    source, target = volume(settings.project, "uploads"), directory(settings)
    if source is None:
        return
    there = store.archives(settings.store)
    since = store.date_of(there[0]).timestamp() if there else 0.0
    for path in files(source):
        place = target / path.relative_to(source)
        if path.stat().st_mtime >= since and not place.exists():
            add(path, place)
    for path in files(target):
        if time.time() - path.stat().st_mtime > settings.binlog["days"] * 86400:
            path.unlink()


def add(source: Path, target: Path) -> None:
    """Copy one file, with owner, mode and time, so that it appears whole."""
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.part")
    try:
        shutil.copyfile(source, aside)
    except FileNotFoundError:
        return
    status = source.stat()
    os.chown(aside, status.st_uid, status.st_gid)
    shutil.copystat(source, aside)
    aside.replace(target)


def put_back(settings: Settings, target: Path) -> int:
    """Add the copies that a directory of uploads lacks, as its own files are; returns their number."""
    copies, count = directory(settings), 0
    owner = target.stat()
    for path in files(copies):
        place = target / path.relative_to(copies)
        if not place.exists():
            add(path, place)
            for created in (place, place.parent):
                os.chown(created, owner.st_uid, owner.st_gid)
            count += 1
    return count
