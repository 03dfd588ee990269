"""What was edited by hand on a host is kept as a diff before a run overwrites it."""

from __future__ import annotations

import json
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


def test_files_that_are_not_written_any_more_are_forgotten(tmp_path: Path) -> None:
    """They are gone because of the inventory, which is no edit by hand."""

    def known(**more: Any) -> set[str]:
        assert "msg" not in run("service_files", base=str(tmp_path), **more)
        return set(json.loads((tmp_path / ".written.json").read_text()))

    service = {"name": "redis", "uid": 999, "gid": 1000, "compose": "redis: {}\n"}
    other = {"name": "redis-exporter", "uid": 999, "gid": 1000, "compose": "x: {}\n", "files": {"conf/x": ""}}
    both = {"conf/redis.conf": "port 1\n", "conf/more.conf": ""}
    assert known(services=[service | {"files": both}, other]) == {FILE, "redis/conf/more.conf", "redis-exporter/conf/x"}
    assert known(services=[service | {"files": {"conf/redis.conf": "port 1\n"}}]) == {FILE, "redis-exporter/conf/x"}
    assert known(services=[], absent=["redis"]) == {"redis-exporter/conf/x"}


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
