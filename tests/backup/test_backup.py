"""What an archive holds, and that a backup which failed says so and leaves no archive."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from jiucom_backup import store
from jiucom_backup.archive import Reader

from .conftest import Docker
from .toy import DATABASE, UPLOADS, Toy


def test_contents_of_an_archive(toy: Toy, archive: Path) -> None:
    reader = Reader(archive)
    reader.verify()
    files = set(reader.manifest["files"])
    assert {"database.sql.gz", "installation/compose.yaml", "installation/app/secrets/jwt_secret"} <= files
    assert {f"volumes/uploads/{name}" for name in UPLOADS} <= files
    assert any(name.startswith("volumes/redis-data/appendonlydir/") for name in files)
    assert not any("cluster" in name for name in files)
    database = reader.manifest["database"]
    assert {name: table["rows"] for name, table in database["tables"].items()} == {
        "parts": 500,
        "users": 2,
        "alembic_version": 1,
    }
    assert database["server_uuid"] == toy.mysql().value("SELECT @@server_uuid")
    assert database["server_uuid"] in database["gtids"]
    assert database["revision"] == "0030"


def test_only_root_reads_the_store_and_no_partial_file_is_left(toy: Toy, archive: Path) -> None:
    assert toy.store.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in toy.store.glob("*") if "part" in path.name or "dump" in path.name} == set()
    assert toy.metric("backup_failed") == 0
    assert toy.metric("backup_size_bytes") == archive.stat().st_size


def test_its_account_reads_and_is_locked_afterwards(toy: Toy, archive: Path) -> None:
    grants = "\n".join(row[0] for row in toy.mysql().ask("SHOW GRANTS FOR jiucom_backup@localhost"))
    for right in ("INSERT", "UPDATE", "DELETE", "CREATE", "SUPER", "ALL"):
        assert right not in grants
    state = toy.mysql().value("SELECT account_locked FROM mysql.user WHERE user = 'jiucom_backup'")
    assert state == "Y"


def test_creating_the_dump_account_writes_no_transaction(toy: Toy, archive: Path) -> None:
    before = toy.mysql().value("SELECT @@gtid_executed")
    toy.mysql().for_dumps(DATABASE)
    toy.mysql().after_dumps()
    assert toy.mysql().value("SELECT @@gtid_executed") == before


def test_the_checksums_are_of_the_dump_s_moment_under_writes(toy: Toy) -> None:
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            toy.mysql().ask(
                f"INSERT INTO {DATABASE}.parts (name, price) SELECT 'part of the load', RAND() FROM {DATABASE}.users"
            )

    writers = [threading.Thread(target=write) for _ in range(3)]
    for writer in writers:
        writer.start()
    try:
        archive = toy.backup()
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    rows = int(toy.mysql().value(f"SELECT COUNT(*) FROM {DATABASE}.parts"))
    assert rows > Reader(archive).manifest["database"]["tables"]["parts"]["rows"] > 500
    drill = toy.run("drill", str(archive))
    assert drill.returncode == 0, drill.stderr
    toy.mysql().ask(f"DELETE FROM {DATABASE}.parts WHERE name = 'part of the load'")


FAULTS = {
    "cut short": ("*mysqldump*", '$docker "$@" | head -c 2000', "no last line"),
    "an exit code": ("*mysqldump*", '$docker "$@"; exit 3', "mysqldump ended with 3"),
    "a complaint with exit code 0": (
        "*mysqldump*",
        "echo 'mysqldump: Error: no' >&2; exec $docker \"$@\"",
        "complained: mysqldump: Error: no",
    ),
    "no transactions named": ("*mysqldump*", '$docker "$@" | sed s/GTID_PURGED/GTID_FORGOTTEN/', "which transactions"),
    "MySQL that does not answer": ("exec*mysql*", "echo gone >&2; exit 1", "MySQL: gone"),
    "Docker that does not answer": ("*", "echo 'no daemon' >&2; exit 1", "no daemon"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_backup_that_failed_leaves_no_archive_and_says_so(
    toy: Toy, archive: Path, docker: Docker, fault: str
) -> None:
    pattern, instead, says = FAULTS[fault]
    before = store.archives(toy.store)
    run = toy.run("backup", path=docker(pattern, instead))
    assert run.returncode == 1
    assert says in run.stderr
    assert store.archives(toy.store) == before
    assert list(toy.store.glob(".*part")) == list(toy.store.glob(".dump*")) == []
    assert toy.metric("backup_failed") == 1
    assert toy.metric("backup_success_timestamp_seconds") < toy.metric("backup_attempt_timestamp_seconds")


def test_a_dump_of_less_than_half_is_refused_unless_it_is_meant(toy: Toy, archive: Path) -> None:
    state = store.State(toy.store, toy.directory / "backup/metrics")
    state.update(backup_dump_bytes=3 * toy.metric("backup_dump_bytes"))
    refused = toy.run("backup")
    assert refused.returncode == 1
    assert "smaller=true" in refused.stderr
    assert toy.run("backup", "--smaller").returncode == 0
    assert toy.metric("backup_failed") == 0


def test_old_archives_go_by_the_policy_and_the_proved_one_stays(toy: Toy, archive: Path) -> None:
    old = [f"{toy.name}-202601{day:02}T000000Z.tar" for day in range(1, 20)]
    for name in old:
        (toy.store / name).touch()
        (toy.store / f"{name}.sha256").touch()
    store.State(toy.store, toy.directory / "backup/metrics").update(drill_archive=old[3])
    newest = toy.backup()
    there = [path.name for path in store.archives(toy.store)]
    assert there[0] == newest.name
    # Three days, two weeks, one month: of January the two youngest days, and a week's newest.
    assert [name for name in there if name in old] == [old[18], old[17], old[3]]
    assert not (toy.store / f"{old[0]}.sha256").exists()
    for name in old:
        store.remove(toy.store / name)


def test_no_password_is_in_an_environment_or_on_a_command_line(toy: Toy, docker: Docker, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    run = toy.run("backup", path=docker("*", f'{{ echo "$*"; env; }} >> {seen}; exec $docker "$@"'))
    assert run.returncode == 0, run.stderr
    assert "mysqldump" in seen.read_text()
    assert toy.password not in seen.read_text()
