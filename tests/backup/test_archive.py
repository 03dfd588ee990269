"""An archive is read only when it is whole, unchanged and ours."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from jiucom_backup.archive import DUMP, Reader, Writer
from jiucom_backup.settings import BackupError

from .archives import cut, damaged, with_manifest

NAME = "toy-20261127T033000Z.tar"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """A small archive, made by the writer."""
    files = tmp_path / "files"
    (files / "posts").mkdir(parents=True)
    (files / "posts/한글 name.png").write_bytes(os.urandom(3000))
    (files / "empty").touch()
    (files / "link").symlink_to("/etc/passwd")
    dump = tmp_path / "dump"
    dump.write_bytes(os.urandom(5000))
    writer = Writer(tmp_path / NAME)
    writer.add(DUMP, dump)
    writer.add_tree("volumes/uploads", files)
    writer.add("gone", tmp_path / "not there")
    writer.finish({"project": "toy"})
    return tmp_path / NAME


@pytest.fixture
def aside(tmp_path: Path) -> Path:
    """A directory without the checksum of the original."""
    folder = tmp_path / "aside"
    folder.mkdir()
    return folder


def refused(path: Path) -> str:
    with pytest.raises(BackupError) as refusal:
        Reader(path).verify()
    return str(refusal.value)


def test_files_of_an_archive_are_read_back(archive: Path, aside: Path) -> None:
    reader = Reader(archive)
    reader.verify()
    assert set(reader.manifest["files"]) == {DUMP, "volumes/uploads/posts/한글 name.png", "volumes/uploads/empty"}
    assert reader.extract("volumes/uploads", aside) == 2
    original = archive.parent / "files/posts/한글 name.png"
    assert (aside / "posts/한글 name.png").read_bytes() == original.read_bytes()
    assert (aside / "posts").stat().st_mode == original.parent.stat().st_mode


def test_its_checksum_is_one_that_sha256sum_knows(archive: Path) -> None:
    command = ["sha256sum", "--check", f"{NAME}.sha256"]
    assert (
        subprocess.run(command, cwd=archive.parent, check=True, capture_output=True, text=True).stdout
        == f"{NAME}: OK\n"
    )


def test_an_archive_is_readable_by_its_owner_only(archive: Path) -> None:
    assert archive.stat().st_mode & 0o777 == 0o600


def test_a_changed_byte_is_noticed(archive: Path, aside: Path) -> None:
    assert f"the checksum of {DUMP} differs" in refused(damaged(archive, aside))


def test_a_changed_byte_is_noticed_in_the_whole_file(archive: Path, aside: Path) -> None:
    damaged(archive, aside).replace(archive)
    assert "its checksum is not that of" in refused(archive)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_truncated_archive_is_refused(archive: Path, aside: Path, share: float) -> None:
    assert "was cut short" in refused(cut(archive, aside, share)) or "is damaged" in refused(cut(archive, aside, share))


def test_a_missing_member_is_noticed(archive: Path, aside: Path) -> None:
    def one_more(manifest: dict[str, Any]) -> None:
        manifest["files"]["volumes/uploads/lost"] = {"size": 1, "sha256": "0"}

    assert "volumes/uploads/lost" in refused(with_manifest(archive, aside, one_more))


def test_a_member_outside_the_manifest_is_noticed(archive: Path, aside: Path) -> None:
    copy = with_manifest(archive, aside, lambda manifest: manifest["files"].pop(DUMP))
    assert DUMP in refused(copy)


@pytest.mark.parametrize(("key", "value"), [("product", "another"), ("format", 2)])
def test_an_archive_of_another_product_or_format_is_refused(
    archive: Path, aside: Path, key: str, value: object
) -> None:
    assert str(value) in refused(with_manifest(archive, aside, lambda manifest: manifest.update({key: value})))


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100])
def test_a_file_that_is_not_an_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / NAME
    path.write_bytes(content)
    assert "archive of ours" in refused(path)


@pytest.mark.parametrize(
    ("name", "kind"), [("volumes/uploads/../../etc/cron.d/x", tarfile.REGTYPE), ("volumes/uploads/x", tarfile.SYMTYPE)]
)
def test_members_outside_the_directory_are_refused(archive: Path, aside: Path, name: str, kind: bytes) -> None:
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc"
        tar.addfile(member)
    with pytest.raises(BackupError, match="not what we write"):
        Reader(archive).extract("volumes/uploads", aside)
