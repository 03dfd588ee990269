"""A drill proves an archive by its content, in a MySQL that is thrown away, and tells what it could not prove."""

from __future__ import annotations

import subprocess
from pathlib import Path

from jiucom_backup import store
from jiucom_backup.archive import Reader

from .archives import with_manifest
from .conftest import Docker
from .toy import DATABASE, UPLOADS, Toy


def containers() -> str:
    return subprocess.check_output(["docker", "ps", "--all", "--format", "{{.Names}}"], text=True)


def test_a_drill_proves_the_newest_archive(toy: Toy, archive: Path) -> None:
    newest = toy.backup()
    toy.insert("written after the archive")
    run = toy.run("drill")
    assert run.returncode == 0, run.stderr
    tables = Reader(newest).manifest["database"]["tables"]
    rows = sum(table["rows"] for table in tables.values())
    assert f"proved: {newest.name}: {len(tables)} tables with {rows} rows" in run.stdout
    assert f"{len(UPLOADS)} uploads" in run.stdout
    assert toy.metric("drill_failed") == 0
    assert toy.metric("restore_proved_timestamp_seconds") == store.date_of(newest).timestamp()
    assert f"{toy.name}-drill" not in containers()
    # The data in use is not touched.
    assert "written after the archive" in toy.names()
    toy.mysql().ask(f"DELETE FROM {DATABASE}.parts WHERE name = 'written after the archive'")


def test_a_changed_row_is_noticed(toy: Toy, archive: Path, tmp_path: Path) -> None:
    copy = with_manifest(archive, tmp_path, lambda m: m["database"]["tables"]["parts"].update(checksum=1))
    run = toy.run("drill", str(copy))
    assert run.returncode == 1
    assert "differs from what was dumped in parts" in run.stderr
    assert toy.metric("drill_failed") == 1
    assert f"{toy.name}-drill" not in containers()


def test_a_missing_table_is_noticed(toy: Toy, archive: Path, tmp_path: Path) -> None:
    copy = with_manifest(archive, tmp_path, lambda m: m["database"]["tables"].update(orders={"rows": 1, "checksum": 1}))
    run = toy.run("drill", str(copy))
    assert run.returncode == 1
    assert "orders" in run.stderr


def test_an_upload_that_was_damaged_since_is_noticed(toy: Toy, archive: Path) -> None:
    path = toy.volume("uploads") / next(iter(UPLOADS))
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    run = toy.run("drill", str(archive))
    path.write_bytes(content)
    assert run.returncode == 1
    assert f"{path} differs from the archive" in run.stderr


def test_a_dump_that_cannot_be_loaded_is_noticed(toy: Toy, archive: Path, docker: Docker) -> None:
    run = toy.run("drill", str(archive), path=docker("exec*--binary-mode*", "echo no >&2; exit 1"))
    assert run.returncode == 1
    assert "cannot be loaded" in run.stderr
    assert toy.metric("drill_failed") == 1
