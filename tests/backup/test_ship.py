"""Shipping: encrypted, compared, told apart from saving; and back again on a host that has nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from jiucom_backup import ship, store, stream, uploads
from jiucom_backup.archive import Reader

from .elsewhere import Elsewhere
from .toy import Toy


@pytest.fixture
def elsewhere(toy: Toy, tmp_path: Path) -> Iterator[Elsewhere]:
    """The other host, which the toy ships to; the toy has no archive yet."""
    for path in store.archives(toy.store):
        store.remove(path)
    (toy.store / ".shipped.json").unlink(missing_ok=True)
    host = Elsewhere(tmp_path)
    host.start()
    toy.configure(ship=host.ship)
    try:
        yield host
    finally:
        toy.configure(ship={})
        host.stop()


def test_shipped_archives_are_encrypted(toy: Toy, elsewhere: Elsewhere, tmp_path: Path) -> None:
    run = toy.run("backup")
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("saved and shipped")
    archive = store.archives(toy.store)[0]
    assert elsewhere.files() == {f"{archive.name}.age"}
    there = elsewhere.directory / f"{archive.name}.age"
    assert b"the key of the toy" in archive.read_bytes()
    assert b"the key of the toy" not in there.read_bytes()
    ship.decrypt(there, tmp_path / "back", elsewhere.identity)
    assert (tmp_path / "back").read_bytes() == archive.read_bytes()
    assert toy.metric("backup_unshipped") == 0
    assert toy.metric("backup_shipped_timestamp_seconds") == store.date_of(archive).timestamp()


def spoiled(elsewhere: Elsewhere, folder: Path) -> str:
    """A directory with an rsync whose target differs from what was sent."""
    script = folder / "rsync"
    script.write_text(
        '#!/bin/sh\n/usr/bin/rsync "$@" || exit\ncase "$*" in *--dry-run*) ;; *)\n'
        f"for file in {elsewhere.directory}/*.age; do echo more >> $file; done ;; esac\n"
    )
    script.chmod(0o755)
    return str(folder)


@pytest.mark.parametrize(
    "fault", ["it does not answer", "it is another host", "it refuses the key", "it holds something else"]
)
def test_saved_and_not_shipped_is_told_and_made_up_for(
    toy: Toy, elsewhere: Elsewhere, tmp_path: Path, fault: str
) -> None:
    path, says = "", "rsync ended with"
    if fault == "it does not answer":
        elsewhere.stop()
    elif fault == "it is another host":
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "second"], check=True)
        public = (tmp_path / "second.pub").read_text().split()[:2]
        (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{elsewhere.port} {' '.join(public)}\n")
    elif fault == "it refuses the key":
        (tmp_path / "authorized").write_text("")
    else:
        (tmp_path / "programs").mkdir()
        path, says = spoiled(elsewhere, tmp_path / "programs"), "holds something else"
    run = toy.run("backup", path=path)
    assert run.returncode == 3
    assert "saved, but not shipped" in run.stderr
    assert says in run.stderr
    archive = store.archives(toy.store)[0]
    Reader(archive).verify()
    assert toy.metric("backup_failed") == 0
    assert toy.metric("backup_unshipped") == 1
    if fault == "it holds something else":
        assert toy.run("ship").returncode == 0
        assert toy.metric("backup_unshipped") == 0
        assert elsewhere.files() == {f"{archive.name}.age"}


def test_expired_archives_and_no_other_files_are_removed_remotely(toy: Toy, elsewhere: Elsewhere) -> None:
    first = toy.backup()
    old = store.named(toy.store, first.name).with_name(f"{toy.name}-20260101T000000Z.tar")
    old.write_bytes(b"old")
    assert toy.run("ship").returncode == 0
    (elsewhere.directory / "of somebody else").touch()
    assert f"{old.name}.age" in elsewhere.files()
    toy.configure(keep={"daily": 1})
    newest = toy.backup()
    toy.configure(keep={"daily": 3, "weekly": 2, "monthly": 1})
    assert elsewhere.files() == {f"{first.name}.age", f"{newest.name}.age", "of somebody else"}


def test_a_host_that_lost_everything_comes_back_from_there(toy: Toy, elsewhere: Elsewhere, tmp_path: Path) -> None:
    archive = toy.backup()
    state = store.State(toy.store, toy.directory / "backup/metrics")
    picture = toy.volume("uploads") / f"posts/{'e' * 32}.png"
    picture.write_bytes(b"a new picture")
    uploads.copy(toy.settings)
    for name in ("shipped first", "shipped second"):
        toy.insert(name)
        ship.everything(toy.settings, state, stream.copy(toy.settings), 1.0)
    pieces = {name for name in elsewhere.files() if name.startswith("binlog/")}
    assert len(pieces) >= 2
    assert all(name.endswith(".age") for name in pieces)
    assert toy.metric("ship_failed") == 0
    assert f"uploads/posts/{picture.name}.age" in elsewhere.files()
    toy.insert("never shipped")
    # A host that has lost its archives, and its record of them, removes nothing there.
    other = Toy(tmp_path / "other")
    try:
        other.configure(ship=elsewhere.ship)
        other.up()
        before = elsewhere.files()
        run = other.run("fetch", "--identity", str(elsewhere.identity))
        assert run.returncode == 0, run.stderr
        assert archive.name in run.stdout
        run = other.run("restore", "newest", "--until", "latest")
        assert run.returncode == 0, run.stderr
        assert {"shipped first", "shipped second"} <= other.names()
        assert "never shipped" not in other.names()
        assert (other.volume("uploads") / "posts" / picture.name).read_bytes() == b"a new picture"
        assert other.run("backup").returncode == 0
        assert before < elsewhere.files()
    finally:
        other.down()
    # Copies that are gone here go there, and their neighbours stay.
    (elsewhere.directory / "uploads/posts/of somebody else").touch()
    (uploads.directory(toy.settings) / "posts" / picture.name).unlink()
    picture.unlink()
    ship.new_uploads(toy.settings)
    assert f"uploads/posts/{picture.name}.age" not in elsewhere.files()
    assert "uploads/posts/of somebody else" in elsewhere.files()


def test_a_wrong_key_opens_nothing(toy: Toy, elsewhere: Elsewhere, tmp_path: Path) -> None:
    toy.backup()
    subprocess.run(["age-keygen", "-o", tmp_path / "wrong"], check=True, capture_output=True)
    there = {path.name for path in store.archives(toy.store)}
    run = toy.run("fetch", "--identity", str(tmp_path / "wrong"))
    assert run.returncode != 0
    assert "age ended with" in run.stderr
    assert {path.name for path in store.archives(toy.store)} == there
