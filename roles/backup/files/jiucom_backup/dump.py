"""The dump of the API's schema, and the checksums of its tables at the same moment."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import threading
from dataclasses import dataclass, field
from pathlib import Path

from jiucom_backup.mysql import Server, Session, checksums, said
from jiucom_backup.settings import BackupError

FOOTER = b"-- Dump completed"
# All of it named, because defaults differ between 8.0, 8.4 and 9.7. `loose`: 8.0 does not know it; 9.7 asks for policies that
# only a commercial server has, and complains that our account may not.
OPTIONS = (
    "--single-transaction", "--source-data=2", "--set-gtid-purged=ON", "--routines", "--events", "--triggers",
    "--hex-blob", "--no-tablespaces", "--default-character-set=utf8mb4", "--max-allowed-packet=1G",
    "--loose-skip-masking-policies",
)  # fmt: skip


@dataclass
class Dump:
    """What was dumped."""

    gtids: str
    bytes: int
    tables: dict[str, dict[str, int]] = field(default_factory=dict)


def write(root: Server, database: str, target: Path) -> Dump:
    """Dump the schema, compressed, into a file. Raises BackupError.

    Nothing is committed until the dump has begun, half a second: so the connection that computes the checksums sees the same
    moment as the dump, whatever is written meanwhile.
    """
    server = root.for_dumps(database)
    try:
        tables = server.tables(database)
        if not tables:
            raise BackupError(f"the schema {database} has no tables: there is nothing to back up")
        lock, snapshot = Session(server), Session(server)
        try:
            lock.ask(server.hold)
            # The server's own level, READ COMMITTED, sees another moment with each statement.
            snapshot.ask("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            snapshot.ask("START TRANSACTION WITH CONSISTENT SNAPSHOT")
            dump = _run(server, database, target, lock)
            dump.tables = checksums(snapshot, database, tables)
        finally:
            lock.close()
            snapshot.close()
    finally:
        root.after_dumps()
    return dump


def _run(server: Server, database: str, target: Path, lock: Session) -> Dump:
    pipe = subprocess.PIPE
    program = server.start("mysqldump", *OPTIONS, database, stdout=pipe, stderr=pipe)
    assert program.stdin and program.stdout and program.stderr
    program.stdin.close()
    errors: list[bytes] = []
    # Its own thread, so that a full pipe of complaints does not stop the dump.
    listener = threading.Thread(target=lambda: errors.append(program.stderr.read() if program.stderr else b""))
    listener.start()
    head, tail, size = b"", b"", 0
    with target.open("wb") as file:
        gzip = subprocess.Popen(["gzip", "-1"], stdin=pipe, stdout=file)
        assert gzip.stdin
        with gzip.stdin:
            while block := program.stdout.read1(1 << 20):  # type: ignore[attr-defined]
                if not size:
                    # The dump has its transaction when it writes: its own lock is gone by then, too.
                    lock.ask(server.release)
                head = head if len(head) > 1 << 16 else head + block
                tail, size = (tail + block)[-200:], size + len(block)
                gzip.stdin.write(block)
        codes = {"mysqldump": program.wait(), "gzip": gzip.wait()}
    listener.join()
    complaints = said(b"".join(errors))
    for name, code in codes.items():
        if code:
            raise BackupError(f"{name} ended with {code}: {complaints}")
    # It leaves with 0 after some errors, as those of a table that it may not read.
    if "rror:" in complaints:
        raise BackupError(f"mysqldump ended with 0, and complained: {complaints}")
    if FOOTER not in tail:
        raise BackupError("the dump has no last line (-- Dump completed): it was cut short")
    return Dump(gtids(head.decode(errors="replace")), size)


def gtids(head: str) -> str:
    """Read from a dump's beginning which transactions it contains."""
    found = re.search(r"SET @@GLOBAL.GTID_PURGED=(?:/\*!80000 '\+'\*/ )?'([^']*)'", head)
    if not found:
        raise BackupError(
            "the dump does not say which transactions it contains: set gtid-mode = ON in database_options"
        )
    return found[1].replace("\n", "")


def load(server: Server, database: str, source: Path) -> None:
    """Load a compressed dump. Raises BackupError."""
    pipe = subprocess.PIPE
    gzip = subprocess.Popen(["gzip", "-dc", str(source)], stdout=pipe)
    options = ("--binary-mode", "--max-allowed-packet=1G", "--default-character-set=utf8mb4")
    client = server.start("mysql", *options, database, stderr=pipe)
    assert gzip.stdout and client.stdin
    with contextlib.suppress(BrokenPipeError):
        shutil.copyfileobj(gzip.stdout, client.stdin, 1 << 20)
    gzip.stdout.close()
    errors = client.communicate()[1]
    if client.returncode:
        raise BackupError(f"the dump cannot be loaded: {said(errors)}")
    if gzip.wait():
        raise BackupError("the dump cannot be decompressed")
