"""Copies of what is written while it is copied: Redis's append-only files, Grafana's database."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

from jiucom_backup.settings import BackupError

_SQLITE = b"SQLite format 3\0"


def redis(volume: Path, aside: Path) -> None:
    """Copy Redis's files. They are only appended to, but for a rewrite, which replaces the manifest: then it is tried again."""
    for _ in range(10):
        shutil.rmtree(aside, ignore_errors=True)
        before = _manifests(volume)
        # A cluster's files can be made again, and name servers that may not be there at the restore.
        cluster = {str(path) for path in volume.glob("cluster*/*")} | {str(path) for path in volume.glob("cluster*")}
        try:
            _copy(volume, aside, leave_out=cluster)
        except FileNotFoundError:
            continue
        if _manifests(volume) == before:
            return
    raise BackupError("Redis rewrites its files all the time: docker compose logs redis")


def _manifests(volume: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in volume.rglob("*.manifest")}


def grafana(volume: Path, aside: Path) -> None:
    """Copy Grafana's files, its database by SQLite's own backup."""
    databases = [path for path in volume.rglob("*") if path.is_file() and _is_database(path)]
    beside = {f"{path}{suffix}" for path in databases for suffix in ("", "-wal", "-shm", "-journal")}
    _copy(volume, aside, leave_out=beside)
    for path in databases:
        target = aside / path.relative_to(volume)
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60) as source, sqlite3.connect(target) as copy:
            source.backup(copy)
        _like(path, target)


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


def _copy(source: Path, target: Path, leave_out: set[str] | None = None) -> None:
    for folder, _, names in os.walk(source):
        there = target / Path(folder).relative_to(source)
        there.mkdir(parents=True, exist_ok=True)
        _like(Path(folder), there)
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink() and str(path) not in (leave_out or set()):
                shutil.copyfile(path, there / name)
                _like(path, there / name)


def _like(source: Path, target: Path) -> None:
    status = source.stat()
    os.chown(target, status.st_uid, status.st_gid)
    shutil.copystat(source, target)
