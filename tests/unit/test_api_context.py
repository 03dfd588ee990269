"""The API's build context: one archive for each architecture, with modes that no umask changes."""

from __future__ import annotations

import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from modules import ROOT, result, start

MODULE = ROOT / "roles/api/library/api_context.py"


def checkout(root: Path, umask: int = 0o022) -> dict[str, str]:
    """Make a small source and the wheels of two architectures under a umask; returns the module's arguments."""
    before = os.umask(umask)
    try:
        (root / "api/jiucom/mail").mkdir(parents=True)
        (root / "api/jiucom/mail/__init__.py").write_text("")
        (root / "api/run").write_text("#!/bin/sh\n")
        (root / "api/run").chmod(0o777 & ~umask)
        for machine in ("x86_64", "aarch64"):
            (root / f"cache/app-1-3.13-{machine}").mkdir(parents=True)
            (root / f"cache/app-1-3.13-{machine}/one.whl").write_text(machine)
    finally:
        os.umask(before)
    return {"source": str(root / "api"), "cache": str(root / "cache"), "wheels": str(root / "cache/app-1-3.13-x86_64")}


def pack(**arguments: Any) -> dict[str, Any]:
    """Run the module."""
    return result(start(MODULE, **arguments))


def test_two_architectures_keep_their_archives(tmp_path: Path) -> None:
    """Several hosts: all archives are made before the first is sent."""
    given = checkout(tmp_path)
    packed = [pack(**given | {"wheels": given["wheels"].replace("x86_64", name)}) for name in ("x86_64", "aarch64")]
    assert len({one["checksum"] for one in packed}) == 2
    for one in packed:
        assert Path(one["archive"]).is_file()


def test_an_older_archive_of_the_same_wheels_is_removed(tmp_path: Path) -> None:
    given = checkout(tmp_path)
    old = pack(**given)
    (tmp_path / "api/jiucom/mail/__init__.py").write_text("new")
    assert pack(**given)["archive"] != old["archive"]
    assert not Path(old["archive"]).exists()


def test_a_file_of_the_same_size_with_other_content_has_another_time(tmp_path: Path) -> None:
    """Docker's builder takes a file of the same size and time for the one that it has, and builds with that."""
    given, times = checkout(tmp_path), []
    for content in ("one", "two", "one"):
        (tmp_path / "api/jiucom/mail/__init__.py").write_text(content)
        with tarfile.open(pack(**given)["archive"]) as archive:
            times.append(archive.getmember("jiucom/mail/__init__.py").mtime)
    assert times[0] != times[1]
    assert times[0] == times[2]


@pytest.mark.parametrize("umask", [0o027, 0o077], ids=oct)
def test_the_umask_of_the_checkout_does_not_count(umask: int, tmp_path: Path) -> None:
    usual, closed = (pack(**checkout(tmp_path / name, mask)) for name, mask in (("usual", 0o022), ("closed", umask)))
    assert usual["checksum"] == closed["checksum"]
    assert Path(usual["archive"]).read_bytes() == Path(closed["archive"]).read_bytes()


@pytest.mark.skipif(os.getuid() != 0, reason="the host unpacks as root")
@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077], ids=oct)
def test_the_umask_of_the_host_does_not_count(umask: int, tmp_path: Path) -> None:
    """The image takes modes as they are, and runs as another user."""
    archive = pack(**checkout(tmp_path))["archive"]
    host = tmp_path / "host"
    host.mkdir()
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", host], check=True, umask=umask)
    modes = {str(path.relative_to(host)): oct(path.stat().st_mode & 0o777) for path in host.rglob("*")}
    assert modes == {
        "MANIFEST": "0o644",
        "jiucom": "0o755",
        "jiucom/mail": "0o755",
        "jiucom/mail/__init__.py": "0o644",
        "run": "0o755",
        "wheels": "0o755",
        "wheels/one.whl": "0o644",
    }
