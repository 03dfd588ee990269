"""What was edited by hand on a host is kept as a diff before a run overwrites it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.versions import change_faults
from modules import run

pytestmark = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")
FILE = "redis/conf/redis.conf"


def write(base: Path, text: str, check: bool = False) -> dict[str, Any]:
    """Write a service with a file of this text and a secret."""
    service = {"name": "redis", "uid": 999, "gid": 1000, "files": {"conf/redis.conf": text}, "compose": "redis: {}\n"}
    said = run("service_files", base=str(base), services=[service], secrets={"redis": {"password": text}}, check=check)
    assert "msg" not in said
    return said


def diffs(base: Path) -> list[str]:
    return [file.read_text() for file in sorted((base / ".edits").glob("*.diff"))]


def test_edits_by_hand_are_kept_and_changes_of_the_inventory_are_not(tmp_path: Path) -> None:
    write(tmp_path, "port 1\n")
    write(tmp_path, "port 2\n")
    assert diffs(tmp_path) == []
    (tmp_path / FILE).write_text("port 2\nmaxclients 7\n")
    (tmp_path / "redis/secrets/password").write_text("by hand")
    write(tmp_path, "port 3\n", check=True)
    assert diffs(tmp_path) == []
    said = write(tmp_path, "port 3\n")
    [diff] = diffs(tmp_path)
    assert "-port 3" in diff
    assert "+maxclients 7" in diff
    assert "by hand" not in diff
    assert any("was edited by hand, which is kept in" in one.get("prepared", "") for one in said["diff"])
    assert (tmp_path / FILE).read_text() == "port 3\n"
    assert [path.stat().st_mode & 0o077 for path in (tmp_path / ".edits").iterdir()] == [0]


def test_an_edit_that_equals_the_new_content_is_not_kept(tmp_path: Path) -> None:
    write(tmp_path, "port 1\n")
    (tmp_path / FILE).write_text("port 2\n")
    write(tmp_path, "port 2\n")
    assert diffs(tmp_path) == []


def test_changes_of_the_repository_are_acknowledged_by_their_number() -> None:
    changes = {1: "set gateway_tls", 2: "move the archives"}
    assert change_faults(changes, 2, 0) == []
    assert change_faults(changes, 0, 2) == []
    assert change_faults({}, 0, 0) == []
    assert change_faults(changes, 1, 0) == [
        "Change 2: move the archives",
        "When you have done what these changes of this repository need: -e platform_acknowledged=2",
    ]
    assert len(change_faults(changes, 0, 0)) == 3
