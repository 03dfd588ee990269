"""A replica is made beside a MySQL that serves, diagnosed, promoted after the primary's volume is lost, and turned off (H3.6)."""

from __future__ import annotations

import subprocess
import threading
import time

from replicated import REPLICA, Databases


def eventually(databases: Databases, service: str, statement: str, answer: str, seconds: float = 60) -> None:
    """Repeat a query until it has an answer."""
    end = time.monotonic() + seconds
    while (said := databases.sql(service, statement)) != answer:
        assert time.monotonic() < end, said
        time.sleep(0.2)


def test_a_replica_is_made_while_mysql_serves(databases: Databases) -> None:
    before, failed, done = databases.container("mysql"), list[str](), threading.Event()

    def write() -> None:
        while not done.is_set():
            said = databases.sql("mysql", "INSERT INTO kept SELECT MAX(n) + 1 FROM kept")
            failed.extend([said] if said else [])

    writer = threading.Thread(target=write)
    writer.start()
    databases.site(1)
    done.set()
    writer.join()
    assert failed == []
    assert databases.container("mysql") == before
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept", databases.sql("mysql", "SELECT COUNT(*) FROM kept"))
    assert "read-only" in databases.sql(REPLICA, "INSERT INTO kept VALUES (0)")
    assert "changed=0" in databases.site(1)
    databases.sql("mysql", "UPDATE heartbeat SET beat_at = UTC_TIMESTAMP(6)")
    checks = {one["id"]: one for one in databases.looked("database_check")}
    assert checks["H3.6"]["passed"], checks
    assert databases.looked("database_diagnose") == []


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


def test_turned_off_the_service_goes_and_its_data_stays(databases: Databases) -> None:
    databases.site(0)
    assert databases.container(REPLICA) == ""
    volumes = subprocess.run(["docker", "volume", "ls", "--quiet"], capture_output=True, text=True, check=True).stdout
    assert f"{databases.project}_{REPLICA}-data" in volumes.split()
    assert "changed=0" in databases.site(0)
    databases.site(1)
    databases.sql("mysql", "INSERT INTO kept VALUES (2000001)")
    eventually(databases, REPLICA, "SELECT COUNT(*) FROM kept WHERE n = 2000001", "1")
