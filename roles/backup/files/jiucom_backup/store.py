"""The directory of the archives: names, one run at a time, which archives are kept, what is known about the last runs."""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jiucom_backup.settings import BackupError

_NAME = re.compile(r"(?P<project>.+)-(?P<date>\d{8}T\d{6}Z)\.tar")


def name_for(project: str, when: datetime) -> str:
    """Return the name of an archive."""
    return f"{project}-{when.astimezone(UTC):%Y%m%dT%H%M%SZ}.tar"


def date_of(archive: Path | str) -> datetime:
    """Return when an archive was begun, which its name says."""
    match = _NAME.fullmatch(Path(archive).name)
    if not match:
        raise BackupError(f"{archive} is not named like an archive: <project>-<date>T<time>Z.tar")
    return datetime.strptime(match["date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def archives(store: Path) -> list[Path]:
    """Return the whole archives of a directory, the newest first."""
    found = [path for path in store.glob("*.tar") if _NAME.fullmatch(path.name)]
    return sorted(found, key=date_of, reverse=True)


def named(store: Path, name: str) -> Path:
    """Return the archive that an operator names: by its path, by its name, or as `newest`."""
    there = archives(store)
    if name == "newest":
        if not there:
            raise BackupError(f"{store} has no archive: ansible-playbook playbooks/backup.yml")
        return there[0]
    return store / name if "/" not in name else Path(name)


def superfluous(found: list[Path], keep: dict[str, int]) -> list[Path]:
    """Return the archives that the policy does not keep, of a list that begins with the newest.

    Of each day, week and month the newest is kept, for so many of them; and whatever was made within a day before the newest.
    """
    formats = {"daily": "%Y-%m-%d", "weekly": "%G-%V", "monthly": "%Y-%m"}
    kept = {path for path in found if date_of(found[0]) - date_of(path) < timedelta(days=1)}
    for period, count in keep.items():
        seen: list[str] = []
        for path in found:
            key = date_of(path).strftime(formats[period])
            if key not in seen and len(seen) < count:
                seen.append(key)
                kept.add(path)
    return [path for path in found if path not in kept]


def remove(path: Path) -> None:
    """Remove an archive, and what lies beside it."""
    for suffix in ("", ".sha256", ".shipped"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def alone(store: Path, what: str) -> Iterator[None]:
    """Hold the lock under which backup, restore and drill run one at a time. Raises BackupError."""
    store.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (store / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            file.seek(0)
            raise BackupError(f"{file.read().strip() or 'another run'} is not finished yet: wait for it") from fault
        file.truncate(0)
        file.write(f"{what} (process {os.getpid()}, since {datetime.now(UTC):%FT%TZ})\n")
        file.flush()
        yield


class State:
    """The state of the last runs, in a file and as metrics for Prometheus."""

    def __init__(self, store: Path, metrics: Path) -> None:
        self._file, self._metrics = store / ".state.json", metrics

    def read(self) -> dict[str, Any]:
        """Return what is known."""
        try:
            found: dict[str, Any] = json.loads(self._file.read_text())
        except (OSError, ValueError):
            found = {}
        return found

    def update(self, **values: float | str) -> None:
        """Record values; numbers become metrics of their name."""
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._metrics.mkdir(parents=True, exist_ok=True)
        # The gateway, another user, reads there, whatever root's umask is.
        self._metrics.chmod(0o755)
        with (self._file.parent / ".state.lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.read() | values
            _replace(self._file, json.dumps(state, indent=1, sort_keys=True) + "\n", 0o600)
            numbers = {name: value for name, value in sorted(state.items()) if isinstance(value, (int, float))}
            text = "".join(f"# TYPE jiucom_{name} gauge\njiucom_{name} {value}\n" for name, value in numbers.items())
            _replace(self._metrics / "metrics", text, 0o644)


def _replace(path: Path, text: str, mode: int) -> None:
    aside = path.with_name(f".{path.name}.new")
    aside.write_text(text)
    aside.chmod(mode)
    aside.replace(path)
