"""`stream`: the binary logs are copied off MySQL's volume while they are written, a directory for each server; new uploads, too.

Logs are only appended to, so a copy is a beginning of the original at every moment, and goes on where it stopped.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from pathlib import Path

from jiucom_backup import ship, store, uploads
from jiucom_backup.binlog import IN_USE
from jiucom_backup.docker import volume
from jiucom_backup.settings import BackupError, Settings

_BLOCK = 1 << 20
# How much of the end of a copy is compared with the original before more is appended.
_COMPARED = 4096


def directory(settings: Settings, server: str) -> Path:
    """Return where a server's logs are copied to."""
    return settings.store / "binlog" / server


def server_uuid(data: Path) -> str:
    """Read which server a data directory belongs to. Raises BackupError."""
    try:
        return str(re.findall(r"^server-uuid\s*=\s*([0-9a-f-]{36})", (data / "auto.cnf").read_text(), re.MULTILINE)[0])
    except (OSError, IndexError) as fault:
        raise BackupError(f"{data} has no auto.cnf: MySQL has not initialised it") from fault


def copy(settings: Settings) -> Path:
    """Copy what is new; returns the directory of the copies. Raises BackupError where they are of other logs."""
    data = volume(settings.project, "mysql-data")
    if data is None:
        raise BackupError(f"there is no volume {settings.project}_mysql-data: ansible-playbook site.yml")
    target = directory(settings, server_uuid(data))
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        names = [Path(line).name for line in (data / "binlog.index").read_text().split()]
    except FileNotFoundError as fault:
        raise BackupError(f"{data} has no binlog.index: leave log-bin out of database_options") from fault
    for name in names:
        try:
            _append(data / name, target / name)
        except FileNotFoundError:
            # Purged since the list was read, or not yet made.
            continue
    _remove_old(target, set(names), settings.binlog.get("days", 8))
    return target


def _append(source: Path, target: Path) -> None:
    known = target.stat().st_size if target.exists() else 0
    with source.open("rb") as original:
        size = os.fstat(original.fileno()).st_size
        if known == size:
            return
        with target.open("a+b") as file:
            begin = max(0, known - _COMPARED)
            file.seek(begin)
            original.seek(begin)
            if known > size or _same(original.read(known - begin), begin) != _same(file.read(known - begin), begin):
                raise BackupError(f"{target} is not the beginning of {source}: move {target.parent} away")
            left = size - known
            while left and (block := original.read(min(left, _BLOCK))):
                left -= len(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
    target.chmod(0o600)


def _same(content: bytes, begin: int) -> bytes:
    """Return what does not change: MySQL clears a flag in a log's first event when it closes the log."""
    if begin > IN_USE or len(content) + begin <= IN_USE:
        return content
    return content[: IN_USE - begin] + b"\0" + content[IN_USE - begin + 1 :]


def _remove_old(target: Path, there: set[str], days: int) -> None:
    for path in files(target):
        if path.name not in there and time.time() - path.stat().st_mtime > days * 86400:
            path.unlink()


def files(folder: Path) -> list[Path]:
    """Return a directory's logs in their order."""
    return sorted(path for path in folder.glob("binlog.*") if re.fullmatch(r"binlog\.\d{6,}", path.name))


def run(settings: Settings) -> None:
    """Copy, and ship, until told to end. Raises BackupError: the supervisor starts it again."""
    state = store.State(settings.store, settings.home / "metrics")
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    turn = 0.0
    while not ended.is_set():
        began = time.time()
        folder = copy(settings)
        state.update(binlog_copied_timestamp_seconds=began)
        if began - turn >= settings.binlog["ship_seconds"]:
            turn = began
            uploads.copy(settings)
            if settings.ship:
                ship.everything(settings, state, folder, began)
        ended.wait(max(0.0, settings.binlog["copy_seconds"] - (time.time() - began)))
