"""A point in time: MySQL itself runs the copied binary logs after the dump, as a replica runs what it has received.

So the official image needs no further program, what the dump contains is skipped by the server, and the end is exact: the logs
are cut behind the last transaction that is wanted.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jiucom_backup import binlog, stream
from jiucom_backup.binlog import Gtids, Transaction
from jiucom_backup.mysql import Server
from jiucom_backup.settings import BackupError, Settings

# Where the container sees the logs.
INSIDE = "/replay"


@dataclass
class Plan:
    """Which transactions follow the dump, up to the point that is wanted."""

    wanted: list[Transaction]
    files: list[Path]

    @property
    def text(self) -> str:
        """Say it to the operator."""
        if not self.wanted:
            return "no transaction followed"
        last = self.wanted[-1]
        when = datetime.fromtimestamp(last.time / 1e6).astimezone()
        return (
            f"{len(self.wanted)} transactions followed, the last is {last.server}:{last.number} of {when.isoformat()}"
        )


def plan(folder: Path, gtids: str, until: str) -> Plan:
    """Find what follows a dump. Raises BackupError for a point that cannot be reached, and for a gap."""
    contained = binlog.parse(gtids)
    files = stream.files(folder)
    if not files:
        raise BackupError(f"{folder} has no binary logs: without them only the archive itself can be restored")
    every = [found for path in files for found in binlog.transactions(path)]
    new = [found for found in every if not binlog.contains(contained, found.server, found.number)]
    wanted = _until(every, new, contained, until)
    _require_no_gap(wanted, contained)
    needed = {found.file for found in wanted}
    return Plan(wanted, [path for path in files if path in needed])


def _until(every: list[Transaction], new: list[Transaction], contained: Gtids, until: str) -> list[Transaction]:
    if until == "latest":
        return new
    if match := re.fullmatch(r"([0-9a-f-]{36}):(\d+)", until):
        server, number = match[1], int(match[2])
        for index, found in enumerate(new):
            if (found.server, found.number) == (server, number):
                return new[: index + 1]
        if binlog.contains(contained, server, number):
            raise BackupError(f"the archive already contains {until}: take an older archive")
        raise BackupError(f"{until} is in no copied log")
    try:
        moment = datetime.fromisoformat(until)
    except ValueError as fault:
        raise BackupError(
            f"until is {until}: set latest, a time like 2026-11-27T14:00:00+09:00, or server:number"
        ) from fault
    if moment.tzinfo is None:
        raise BackupError(f"until is {until}: add the offset of its time zone, such as +09:00")
    limit = moment.timestamp() * 1e6
    old = [found.time for found in every if binlog.contains(contained, found.server, found.number)]
    if old and max(old) > limit:
        raise BackupError(f"the archive contains changes that are later than {until}: take an older archive")
    later = next((index for index, found in enumerate(new) if found.time > limit), None)
    if later is None and limit > time.time() * 1e6:
        raise BackupError(f"until is {until}, which is yet to come: set latest for everything that there is")
    return new[:later]


def _require_no_gap(wanted: list[Transaction], contained: Gtids) -> None:
    known = {server: max(last for _, last in ranges) for server, ranges in contained.items()}
    for found in sorted(wanted, key=lambda one: (one.server, one.number)):
        expected = known.get(found.server, 0) + 1
        if found.number > expected:
            raise BackupError(f"the logs lack {found.server}:{expected}-{found.number - 1}: take a newer archive")
        known[found.server] = max(known.get(found.server, 0), found.number)


def stage(folder: Path, planned: Plan, owner: int) -> None:
    """Write the logs as a replica's, the last one cut behind the last transaction that is wanted."""
    folder.mkdir(mode=0o700)
    names = []
    for number, path in enumerate(planned.files, start=1):
        copy = folder / f"relay.{number:06}"
        shutil.copyfile(path, copy)
        names.append(f"{INSIDE}/{copy.name}\n")
        os.chown(copy, owner, owner)
        if path == planned.files[-1]:
            os.truncate(copy, planned.wanted[-1].end)
    (folder / "relay.index").write_text("".join(names))
    for path in (folder, folder / "relay.index"):
        os.chown(path, owner, owner)


def options(settings: Settings) -> list[str]:
    """Return the server's options: another number than the first server's, and no accounts, which belong to this host."""
    pattern = settings.database.replace("_", r"\_")
    return [
        "mysqld", "--server-id=4294967200", "--skip-replica-start", f"--relay-log={INSIDE}/relay",
        f"--relay-log-index={INSIDE}/relay.index", "--relay-log-purge=OFF", f"--replicate-wild-do-table={pattern}.%",
    ]  # fmt: skip


def run(server: Server, planned: Plan) -> None:
    """Let the server run the logs, and wait until it has. Raises BackupError."""
    last: dict[str, int] = {}
    for found in planned.wanted:
        last[found.server] = max(last.get(found.server, 0), found.number)
    target = ",".join(f"{name}:{number}" for name, number in last.items())
    server.ask(
        f"CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'none', RELAY_LOG_FILE = '{INSIDE}/relay.000001', RELAY_LOG_POS = 4;"
        "START REPLICA SQL_THREAD"
    )
    while server.value(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{target}', 5)") != "0":
        errors = server.ask(
            "SELECT last_error_message FROM performance_schema.replication_applier_status_by_worker WHERE last_error_number"
            " UNION SELECT last_error_message FROM performance_schema.replication_applier_status_by_coordinator"
            " WHERE last_error_number"
        )
        if errors:
            raise BackupError(f"MySQL cannot run the logs: {errors[0][0]}")
        idle = server.value(
            "SELECT COUNT(*) FROM performance_schema.threads WHERE processlist_state LIKE '%has read all relay log%'"
        )
        if idle != "0" and server.value(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{target}', 5)") != "0":
            raise BackupError(f"MySQL has read the logs to their end, and has not run {target}")
    server.ask("STOP REPLICA; RESET REPLICA ALL")
