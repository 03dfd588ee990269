"""The read replicas: the dump may be read from one, so that the primary has less to do, and a restore has them filled anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from jiucom_backup.docker import volume
from jiucom_backup.mysql import Server
from jiucom_backup.services import services
from jiucom_backup.settings import BackupError, Settings

# How long one may take to apply what the primary has committed when the backup begins (s).
SECONDS = 60
# Whether it follows, refuses writes, and has all of a set of transactions.
_READY = """
SELECT (SELECT COUNT(*) FROM performance_schema.replication_connection_status WHERE service_state = 'ON')
  * (SELECT COUNT(*) FROM performance_schema.replication_applier_status WHERE service_state = 'ON')
  * @@GLOBAL.super_read_only * (WAIT_FOR_EXECUTED_GTID_SET('{}', {}) = 0);
"""


@dataclass(frozen=True)
class Replica(Server):
    """A read replica: it refuses writes, a new account too, so root reads."""

    # No read lock: threads that apply changes wait for each other's commits, and would wait for it without an end.
    hold: ClassVar[str] = "STOP REPLICA SQL_THREAD"
    release: ClassVar[str] = "START REPLICA SQL_THREAD"

    def for_dumps(self, database: str) -> Server:
        """Return the server itself."""
        return self

    def after_dumps(self) -> None:
        """Let it go on to apply changes, where a dump has failed before it did."""
        self.ask(self.release)


def source(settings: Settings, primary: Server) -> tuple[str, Server]:
    """Return the server to dump, with its service: a replica that has all committed until now, or the primary."""
    committed = primary.value("SELECT @@GLOBAL.gtid_executed").replace("\\n", "") if settings.replicas else ""
    for service in settings.replicas:
        for container in services(settings).running(service):
            replica = Replica(container, primary.password)
            try:
                if replica.value(_READY.format(committed, SECONDS)) == "1":
                    return service, replica
            except BackupError:
                # One that does not answer is no reason to have no backup.
                continue
    return "mysql", primary


def fill_anew(project: str) -> None:
    """Let each replica, also one that is turned off now, copy the primary when it starts: what it has is of another history."""
    for number in (1, 2):
        data = volume(project, f"mysql-replica-{number}-data")
        if data is not None:
            # As roles/database/files/replica.sh marks a copy that is not whole.
            (data / ".cloning").touch()
