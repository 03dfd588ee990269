"""MySQL's binary logs as files: which transactions they hold, when each was committed, where each ends.

Only what is needed of the format is read, which is the same in 8.0, 8.4 and 9.7: the header of each event, and the event that
begins a transaction. The official image has no mysqlbinlog, and mysqlbinlog stops at whole seconds of local time.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jiucom_backup.settings import BackupError

MAGIC = b"\xfebin"
# Where the first event says, by a bit, whether the log is open.
IN_USE = 21
_HEADER = struct.Struct("<IBIIIH")
_GTID = 33
Gtids = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True)
class Transaction:
    """A transaction in a file; `time` is when it was committed, in microseconds since 1970."""

    server: str
    number: int
    time: int
    file: Path
    end: int


def transactions(path: Path) -> Iterator[Transaction]:
    """Yield the whole transactions of a file in their order, without a last one that is still being written."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) != MAGIC:
            raise BackupError(f"{path} is no binary log, or an encrypted one")
        position = 4
        while position + _HEADER.size <= size:
            file.seek(position)
            _, kind, _, length, _, _ = _HEADER.unpack(file.read(_HEADER.size))
            if length < _HEADER.size:
                raise BackupError(f"{path} is damaged at {position}")
            if kind == _GTID:
                found = _transaction(file.read(min(length, 128)), path, position)
                if found.end <= size:
                    yield found
                # The events of the transaction follow; the next event of interest is the next transaction's.
                position = found.end
            else:
                position += length


def _transaction(event: bytes, path: Path, position: int) -> Transaction:
    server = str(uuid.UUID(bytes=event[1:17]))
    number = int.from_bytes(event[17:25], "little")
    # A kind of order, two numbers of it, then the time of the commit; its highest bit says that the first server's follows.
    time = int.from_bytes(event[42:49], "little")
    rest = 49
    if time & (1 << 55):
        time &= (1 << 55) - 1
        rest += 7
    return Transaction(server, number, time, path, position + _packed(event[rest:]))


def _packed(content: bytes) -> int:
    """Read an integer of MySQL's packed kind."""
    width = {252: 2, 253: 3, 254: 8}.get(content[0])
    return content[0] if width is None else int.from_bytes(content[1 : 1 + width], "little")


def parse(gtids: str) -> Gtids:
    """Read a set of transactions, `server:1-5:7,server:3`."""
    found: Gtids = {}
    for part in re.sub(r"\s|\\n", "", gtids).split(","):
        server, *ranges = part.split(":")
        for one in ranges:
            first, _, last = one.partition("-")
            found.setdefault(server.lower(), []).append((int(first), int(last or first)))
    return found


def contains(gtids: Gtids, server: str, number: int) -> bool:
    """Say whether a transaction is in a set."""
    return any(first <= number <= last for first, last in gtids.get(server, []))
