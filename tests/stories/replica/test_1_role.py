"""A replica is made beside a MySQL that serves, diagnosed, dumped, promoted after the primary is lost, turned off (H3.6)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from background import repeated
from jiucom_backup import backup, drill, restore
from jiucom_backup.archive import Reader
from jiucom_backup.settings import Settings
from replicated import REPLICA, SECOND, Databases

MORE = "INSERT INTO kept SELECT MAX(n) + 1 FROM kept"


def eventually(databases: Databases, service: str, statement: str, answer: str, seconds: float = 60) -> None:
    """Repeat a query until it has an answer."""
    end = time.monotonic() + seconds
    while (said := databases.sql(service, statement)) != answer:
        assert time.monotonic() < end, said
        time.sleep(0.2)


@contextmanager
def writing(databases: Databases, statement: str) -> Iterator[list[str]]:
    """Run a statement on the primary, again and again, until the end of the block; yields what was refused."""
    refused = list[str]()

    def write() -> None:
        said = databases.sql("mysql", statement)
        refused.extend([said] if said else [])

    with repeated(write):
        yield refused


def test_a_replica_is_made_while_mysql_serves(databases: Databases) -> None:
    before = databases.container("mysql")
    with writing(databases, MORE) as refused:
        databases.site(1)
    assert refused == []
    assert databases.container("mysql") == before
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept", databases.sql("mysql", "SELECT COUNT(*) FROM kept"))
    assert "read-only" in databases.sql(REPLICA, "INSERT INTO kept VALUES (0)")
    assert "changed=0" in databases.site(1)
    with writing(databases, "UPDATE heartbeat SET beat_at = UTC_TIMESTAMP(6)"):
        checks = {one["id"]: one for one in databases.looked("database_check")}
    assert checks["H3.6"]["passed"], checks
    assert databases.looked("database_diagnose") == []


def test_another_password_of_the_replica_s_account_is_taken(databases: Databases) -> None:
    """By site.yml alone: the account gets it, and the replica starts anew with it."""
    mysql, replica = databases.container("mysql"), databases.container(REPLICA)
    old, new = databases.compose("exec", "-T", REPLICA, "cat", "/run/secrets/replica_password"), "another's pass\\word"
    databases.variables["database_replica_password"] = new
    with writing(databases, MORE) as refused:
        databases.site(1)
    assert refused == []
    assert databases.container("mysql") == mysql
    assert databases.container(REPLICA) != replica
    assert [databases.mysql("replica", password) for password in (old, new)] == [False, True]
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept", databases.sql("mysql", "SELECT COUNT(*) FROM kept"))
    assert databases.looked("database_diagnose") == []
    assert "changed=0" in databases.site(1)


def test_a_replica_that_stopped_is_named(databases: Databases) -> None:
    databases.sql(REPLICA, "STOP REPLICA SQL_THREAD")
    (fault,) = databases.looked("database_diagnose")
    assert (fault["name"], fault["service"]) == ("replica does not follow", REPLICA)
    assert "applier does not run" in fault["seen"]
    assert fault["type"] == f"docker compose restart {REPLICA}"
    databases.compose("restart", REPLICA)
    databases.compose("up", "--detach", "--wait", REPLICA)
    databases.sql("mysql", "INSERT INTO kept VALUES (1000001)")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n = 1000001", "1")
    assert databases.looked("database_diagnose") == []


def test_a_replica_with_another_history_is_filled_anew_by_what_the_doctor_says(databases: Databases) -> None:
    databases.sql(REPLICA, "SET GLOBAL super_read_only = OFF; INSERT INTO kept VALUES (1000002)")
    (fault,) = databases.looked("database_diagnose")
    assert (fault["name"], fault["service"]) == ("replica with another history", REPLICA)
    databases.compose("restart", REPLICA)
    databases.compose("up", "--detach", "--wait", REPLICA)
    databases.sql("mysql", "INSERT INTO kept VALUES (1000002)")
    eventually(databases, REPLICA, "SELECT service_state FROM performance_schema.replication_applier_status", "OFF")
    (fault,) = databases.looked("database_diagnose")
    assert fault["name"] == "replica does not follow"
    for command in fault["type"].split("; "):
        subprocess.run(command.split(), cwd=databases.base, check=True, capture_output=True)
    databases.compose("up", "--detach", "--wait", REPLICA)
    databases.sql("mysql", "INSERT INTO kept VALUES (1000003)")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n IN (1000002, 1000003)", "2")
    assert databases.looked("database_diagnose") == []


@pytest.fixture
def backups(databases: Databases, tmp_path: Path) -> Settings:
    """The settings of backups that are read from the replica."""
    (databases.base / "backup").mkdir(exist_ok=True)
    return Settings(databases.project, databases.base, "jiucom", tmp_path, {"daily": 1}, {}, replicas=[REPLICA])


def dumped(archive: Path) -> dict[str, Any]:
    """Return what an archive says of its dump."""
    reader = Reader(archive)
    reader.close()
    database: dict[str, Any] = reader.manifest["database"]
    return database


def test_a_backup_is_read_from_the_replica_while_the_primary_takes_writes(
    databases: Databases, backups: Settings
) -> None:
    rows = int(databases.sql("mysql", "SELECT COUNT(*) FROM kept"))
    with writing(databases, MORE) as refused:
        archive = backup.run(backups)
    assert refused == []
    seen = dumped(archive)
    assert seen["read_from"] == REPLICA
    assert seen["server_uuid"] == databases.sql("mysql", "SELECT @@server_uuid")
    assert rows <= seen["tables"]["kept"]["rows"] < int(databases.sql("mysql", "SELECT COUNT(*) FROM kept"))
    # The throw-away server has the same rows and checksums.
    drill.run(backups, archive)
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept", databases.sql("mysql", "SELECT COUNT(*) FROM kept"))
    assert databases.looked("database_diagnose") == []


def test_a_backup_is_read_from_the_primary_where_the_replica_does_not_follow(
    databases: Databases, backups: Settings
) -> None:
    databases.sql(REPLICA, "STOP REPLICA SQL_THREAD")
    assert dumped(backup.run(backups))["read_from"] == "mysql"
    # It was stopped, and stays so.
    assert databases.sql(REPLICA, "SELECT service_state FROM performance_schema.replication_applier_status") == "OFF"
    databases.sql(REPLICA, "START REPLICA SQL_THREAD")
    databases.compose("stop", REPLICA)
    assert dumped(backup.run(backups))["read_from"] == "mysql"
    databases.compose("up", "--detach", "--wait", REPLICA)


def test_a_restore_has_the_replica_filled_anew(databases: Databases, backups: Settings) -> None:
    archive = backup.run(backups)
    rows = databases.sql("mysql", "SELECT COUNT(*) FROM kept")
    databases.sql("mysql", "INSERT INTO kept VALUES (4000000)")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n = 4000000", "1")
    restore.run(backups, archive)
    for service in ("mysql", REPLICA):
        assert databases.sql(service, "SELECT COUNT(*) FROM kept") == rows
    databases.sql("mysql", "INSERT INTO kept VALUES (4000000)")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n = 4000000", "1")
    assert databases.looked("database_diagnose") == []


def test_a_promotion_loses_nothing_where_the_primary_lives(databases: Databases) -> None:
    rows = databases.sql("mysql", "SELECT COUNT(*) FROM kept")
    uuid = databases.sql(REPLICA, "SELECT @@server_uuid")
    assert "nothing is lost" in databases.task("database_promote", replica=REPLICA, schema="jiucom")
    assert databases.sql("mysql", "SELECT @@server_uuid, @@super_read_only") == f"{uuid}\t0"
    assert databases.sql("mysql", "SELECT COUNT(*) FROM kept") == rows


def test_after_the_primary_s_volume_is_lost_the_replica_s_data_serves(databases: Databases) -> None:
    databases.compose("up", "--detach", "--wait", REPLICA)
    rows = databases.sql("mysql", "SELECT COUNT(*) FROM kept")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept", rows)
    databases.compose("rm", "--stop", "--force", "mysql")
    subprocess.run(["docker", "volume", "rm", f"{databases.project}_mysql-data"], check=True, capture_output=True)
    assert "lost is what the primary committed" in databases.task("database_promote", replica=REPLICA, schema="jiucom")
    assert databases.sql("mysql", "SELECT COUNT(*) FROM kept") == rows
    assert databases.sql("mysql", "INSERT INTO kept VALUES (2000000)") == ""
    databases.compose("up", "--detach", "--wait", REPLICA)
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n = 2000000", "1")
    assert "changed=0" in databases.site(1)
    assert databases.looked("database_diagnose") == []


def test_of_two_the_other_one_goes_on_after_a_promotion(databases: Databases) -> None:
    databases.site(2)
    databases.sql("mysql", "INSERT INTO kept VALUES (3000000)")
    for service in (REPLICA, SECOND):
        eventually(databases, service, "SELECT COUNT(*) FROM kept WHERE n = 3000000", "1")
    other = databases.sql(SECOND, "SELECT @@server_uuid")
    databases.task("database_promote", replicas=2, replica=REPLICA, schema="jiucom")
    databases.compose("up", "--detach", "--wait", REPLICA)
    databases.sql("mysql", "INSERT INTO kept VALUES (3000001)")
    for service in (REPLICA, SECOND):
        eventually(databases, service, "SELECT COUNT(*) FROM kept WHERE n = 3000001", "1")
    assert databases.sql(SECOND, "SELECT @@server_uuid") == other
    assert databases.looked("database_diagnose", [REPLICA, SECOND]) == []
    assert "changed=0" in databases.site(2)


def test_turned_off_the_service_goes_and_its_data_stays(databases: Databases) -> None:
    databases.site(0)
    assert databases.container(REPLICA) == ""
    volumes = subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True, check=True).stdout
    assert f"{databases.project}_{REPLICA}-data" in volumes.split()
    assert "changed=0" in databases.site(0)
    databases.site(1)
    databases.sql("mysql", "INSERT INTO kept VALUES (2000001)")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n = 2000001", "1")
