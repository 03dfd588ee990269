"""The lock that verbs share, and the log of what they did.

Both lie in the directory of the installation: `.lock`, one JSON object, and `audit.log`, a JSON object a line. A lock is held by
a process of a control node or of
the host, which may take it several times over. It ends with the process where that can be seen, and
otherwise at a time that it names.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import processes
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace

Owner = dict[str, Any]
LOG = "audit.log"
# Of a lock, what its line in the log repeats.
LOGGED = ("verb", "user", "node", "commit", "changes")


class HeldError(Exception):
    """Another run holds the lock; `lock` describes it."""

    def __init__(self, lock: dict[str, Any], path: Path) -> None:
        super().__init__(
            f"{lock['verb']} of {lock['user']} on {lock['node']} (process {lock['process']}) has held the lock since "
            f"{when(lock['since'])}, until {when(lock['until'])} at the latest. Wait for it; if it is not running any more, "
            f"type on the host: sudo rm {path}"
        )
        self.lock = lock


def when(seconds: float) -> str:
    """Write a time for people."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def same(lock: dict[str, Any], owner: Owner) -> bool:
    """Say whether a lock is this owner's."""
    return all(lock.get(key) == owner[key] for key in ("node", "boot", "process", "started"))


def owner(process: int, commit: str = "") -> Owner:
    """Describe a process of this machine as the owner of a lock."""
    return {
        "user": os.environ.get("SUDO_USER") or getpass.getuser(),
        "node": socket.gethostname(),
        "boot": processes.boot(),
        "process": process,
        "started": processes.started(process),
        "commit": commit,
    }


class Lock:
    """The lock of one installation."""

    def __init__(self, base: Path) -> None:
        self.base, self.path = base, base / ".lock"

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one process at a time read and write the lock."""
        with open(self.base / ".lock.mutex", "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def read(self) -> dict[str, Any]:
        """Return the lock; empty when it is free."""
        try:
            found: dict[str, Any] = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        return found

    def _write(self, lock: dict[str, Any]) -> None:
        replace(self.path, json.dumps(lock).encode(), -1, -1, 0o600)

    def ended(self, lock: dict[str, Any], gone: bool) -> str:
        """Say why a lock is stale; empty where it holds. `gone`: the control node says that its process has ended."""
        worker = lock.get("worker")
        if worker and processes.alive(*worker):
            return ""
        if gone or (lock["boot"] == processes.boot() and not processes.alive(lock["process"], lock["started"])):
            return "its process has ended"
        return "its time is over" if time.time() > lock["until"] else ""

    def stale(self, gone: str = "") -> str:
        """Say that the lock is stale, and why; empty where it is free or holds. `gone` is as for `take`."""
        lock = self.read()
        why = self.ended(lock, gone=bool(gone) and lock["token"] == gone) if lock else ""
        return (
            f"The lock of {lock['verb']} ({lock['user']} on {lock['node']}, {when(lock['since'])}) was stale: {why}"
            if why
            else ""
        )

    def take(self, verb: str, owner: Owner, seconds: int, gone: str = "") -> str:
        """Take the lock, or take it once more; returns what became of a stale one. Raises HeldError.

        `gone` is the token of a lock whose process has ended, as its control node has seen.
        """
        with self._alone():
            lock, note = self.read(), ""
            if lock and same(lock, owner):
                self._write(lock | {"depth": lock["depth"] + 1})
                return ""
            if lock:
                note = self.stale(gone)
                if not note:
                    raise HeldError(lock, self.path)
                self._log(lock, "interrupted")
            now = time.time()
            token = os.urandom(8).hex()
            self._write({"verb": verb, **owner, "since": now, "until": now + seconds, "depth": 1, "token": token})
            return note

    def describe(self, changes: str) -> None:
        """Add to the lock what is being changed, for the log."""
        with self._alone():
            lock = self.read()
            if lock:
                self._write(lock | {"changes": changes})

    @contextmanager
    def working(self) -> Iterator[None]:
        """Hold the lock for as long as this process of the host works, also when its control node has gone."""
        with self._alone():
            lock, worker = self.read(), (os.getpid(), processes.started(os.getpid()))
            if lock:
                self._write(lock | {"worker": worker})
        try:
            yield
        finally:
            with self._alone():
                lock = self.read()
                if tuple(lock.get("worker", ())) == worker:
                    del lock["worker"]
                    self._write(lock)
                    # Its control node's process has ended and cannot release it.
                    if lock["boot"] == processes.boot() and not processes.alive(lock["process"], lock["started"]):
                        self._log(lock, "interrupted")
                        self.path.unlink()

    def release(self, owner: Owner, result: str, last: bool = False, logged: bool = True) -> bool:
        """Give the lock back, as often as it was taken, and log what was done; returns whether it is free now.

        `last`: this is what ends the verb, however often it was taken since.
        """
        with self._alone():
            lock = self.read()
            if not lock or not same(lock, owner):
                return False
            if lock["depth"] > 1 and not last:
                self._write(lock | {"depth": lock["depth"] - 1})
                return False
            if logged:
                self._log(lock, result)
            self.path.unlink()
            return True

    def _log(self, lock: dict[str, Any], result: str) -> None:
        seconds = round(time.time() - lock["since"], 1)
        line = {"time": when(lock["since"]), **{key: lock[key] for key in LOGGED if lock.get(key)}}
        with open(self.base / LOG, "a", opener=lambda path, flags: os.open(path, flags, 0o640)) as file:
            file.write(json.dumps(line | {"result": result, "seconds": seconds}, ensure_ascii=False) + "\n")
