"""A restore refuses before it touches anything, puts everything back that an archive holds, and keeps what it replaces."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from jiucom_backup.archive import Reader

from . import archives
from .archives import Manifest, with_manifest
from .conftest import Docker
from .toy import DATABASE, UPLOADS, Toy


def running(toy: Toy) -> dict[str, str]:
    """Since when each service runs."""
    found = json.loads(subprocess.check_output(["docker", "inspect", *toy.compose("ps", "--quiet").split()]))
    return {container["Name"]: container["State"]["StartedAt"] for container in found}


def wait_for(look: Callable[[], bool], seconds: float) -> None:
    """Wait until it is so."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end
        time.sleep(0.2)


def volumes(toy: Toy) -> set[str]:
    names = subprocess.check_output(["docker", "volume", "ls", "--quiet"], text=True).split()
    return {name for name in names if name.startswith(toy.name)}


def database(**values: object) -> Callable[[Manifest], None]:
    return lambda manifest: manifest["database"].update(values)


REFUSED: dict[str, tuple[Callable[[Path, Path], Path], str]] = {
    "damaged": (archives.damaged, "is damaged"),
    "cut short": (archives.cut, "no manifest|is damaged"),
    "another installation's": (
        lambda archive, folder: with_manifest(
            archive, folder, lambda m: m.update(installation="other", host="elsewhere")
        ),
        "another installation .*elsewhere.*foreign=true",
    ),
    "another schema's": (
        lambda archive, folder: with_manifest(archive, folder, database(name="shop")),
        "schema shop: set database_name",
    ),
    "of a newer MySQL": (
        lambda archive, folder: with_manifest(archive, folder, database(version="9.7.99")),
        "MySQL 9.7.99, newer than 9.7",
    ),
    "of a line two steps back": (
        lambda archive, folder: with_manifest(archive, folder, database(version="8.0.43")),
        "MySQL 8.0.43.*restore it with 8.0",
    ),
    "of tables the API does not know": (
        lambda archive, folder: with_manifest(archive, folder, database(revision="0099")),
        "revision 0099.*knows 0030",
    ),
    "too large": (
        lambda archive, folder: with_manifest(archive, folder, database(bytes=10**15)),
        "MB free, and three times",
    ),
    "not there": (lambda archive, folder: folder / archive.name, "No such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_restore_is_refused_before_any_change(toy: Toy, archive: Path, tmp_path: Path, case: str) -> None:
    make, says = REFUSED[case]
    toy.configure(revision="0030")
    before = running(toy), volumes(toy)
    run = toy.run("restore", str(make(archive, tmp_path)))
    assert run.returncode == 1
    assert re.search(says, run.stderr, re.S), run.stderr
    assert (running(toy), volumes(toy)) == before


def test_the_next_line_is_taken(toy: Toy, archive: Path, tmp_path: Path, docker: Docker) -> None:
    # Loading is made to fail: what is asked here is only whether the version is accepted.
    path = docker("exec*--binary-mode*", "echo stopped here >&2; exit 1")
    run = toy.run("restore", str(with_manifest(archive, tmp_path, database(version="8.4.6"))), path=path)
    assert "stopped here" in run.stderr


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("exec*--binary-mode*", "cannot be loaded"),
        ("stop*-restore", "docker stop: no"),
    ],
)
def test_a_restore_that_fails_leaves_the_volumes_as_they_were(
    toy: Toy, archive: Path, docker: Docker, pattern: str, says: str
) -> None:
    toy.insert("written after the archive")
    before = volumes(toy)
    run = toy.run("restore", str(archive), path=docker(pattern, "echo no >&2; exit 1"))
    assert run.returncode == 1
    assert says in run.stderr
    assert volumes(toy) == before
    assert "written after the archive" in toy.names()
    assert toy.redis("get", "kept") == "yes"
    assert (toy.volume("uploads") / next(iter(UPLOADS))).is_file()
    toy.mysql().ask(f"DELETE FROM {DATABASE}.parts WHERE name = 'written after the archive'")


def test_an_interrupted_restore_is_undone(toy: Toy, archive: Path, docker: Docker, tmp_path: Path) -> None:
    toy.insert("written after the archive")
    before = volumes(toy)
    path = docker("exec*--binary-mode*", f"touch {tmp_path}/loading; exec sleep 300")
    restore = toy.begin("restore", str(archive), path=path)
    wait_for(lambda: (tmp_path / "loading").exists(), 300)
    restore.terminate()
    assert restore.wait(300) != 0
    assert volumes(toy) == before
    assert "written after the archive" in toy.names()
    toy.mysql().ask(f"DELETE FROM {DATABASE}.parts WHERE name = 'written after the archive'")


def test_content_that_differs_from_the_dumped_is_refused(toy: Toy, archive: Path, tmp_path: Path) -> None:
    copy = with_manifest(archive, tmp_path, lambda m: m["database"]["tables"]["users"].update(checksum=1))
    run = toy.run("restore", str(copy))
    assert run.returncode == 1
    assert "differs from what was dumped in users" in run.stderr
    assert toy.mysql().value(f"SELECT COUNT(*) FROM {DATABASE}.users") == "2"


def holds_everything(toy: Toy) -> None:
    """Look at each kind of data that `fill` wrote."""
    server = toy.mysql()
    assert server.value(f"SELECT COUNT(*) FROM {DATABASE}.parts WHERE name LIKE 'part %'") == "500"
    assert server.ask(f"SELECT nickname, HEX(picture) FROM {DATABASE}.users") == [
        ["한글 😀", "00FF27"],
        ["it's", "5C6E"],
    ]
    assert server.value(f"SELECT COUNT(*) FROM {DATABASE}.parts WHERE MATCH (name) AGAINST ('part')") == "500"
    server.ask(f"SELECT * FROM {DATABASE}.dear; INSERT INTO {DATABASE}.parts (name) VALUES ('  trimmed  ')")
    assert "trimmed" in toy.names()
    assert toy.redis("get", "kept") == "yes"
    for name, content in UPLOADS.items():
        path = toy.volume("uploads") / name
        assert (path.read_bytes(), path.stat().st_uid) == (content, 10001)


def test_a_restore_to_the_same_host_keeps_the_replaced_data(toy: Toy, archive: Path) -> None:
    toy.insert("written after the archive")
    toy.redis("set", "kept", "no")
    subprocess.run(["docker", "volume", "create", f"{toy.name}_redis-2-data"], check=True, capture_output=True)
    (toy.volume("redis-2-data") / "cluster.rdb").write_text("answers of the data that is replaced")
    (toy.volume("uploads") / next(iter(UPLOADS))).unlink()
    run = toy.run("restore", archive.name)
    assert run.returncode == 0, run.stderr
    assert toy.names() == set()
    holds_everything(toy)
    assert not (toy.volume("redis-data") / "cluster-nodes.conf").exists()
    assert not (toy.volume("redis-2-data") / "cluster.rdb").exists()
    kept = [name for name in volumes(toy) if "mysql-data.before-" in name]
    assert len(kept) == 1
    assert kept[0] in run.stdout
    # Its transactions are known as run, so that later ones can follow them.
    assert Reader(archive).manifest["database"]["gtids"] in toy.mysql().value("SELECT @@gtid_executed").replace(
        "\\n", ""
    )
    started = running(toy)
    assert started[f"/{toy.name}-app-1"] > started[f"/{toy.name}-mysql-1"]


def test_an_empty_host_gets_the_data_of_another(toy: Toy, archive: Path, tmp_path: Path) -> None:
    other = Toy(tmp_path)
    try:
        other.up()
        (other.directory / "app/secrets/jwt_secret").write_text("another key")
        run = other.run("restore", str(archive))
        assert run.returncode == 0, run.stderr
        holds_everything(other)
        assert "api_jwt_secret differs" in run.stdout
        key = other.store / f"configuration-of-{archive.stem}/app/secrets/jwt_secret"
        assert key.read_text() == "the key of the toy"
        # From now on it is that installation.
        assert Reader(other.backup()).manifest["installation"] == Reader(archive).manifest["installation"]
    finally:
        other.down()
