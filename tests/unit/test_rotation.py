"""A change of a secret that was interrupted is known again, and goes on with the value that was made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import modules
import pytest
from plugins import ROOT


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """Return a directory with an installation."""
    (tmp_path / "compose.yaml").touch()
    return tmp_path


def ask(base: Path, state: str, value: str, **more: Any) -> dict[str, Any]:
    """Run the module."""
    module = ROOT / "roles/platform/library/platform_rotation.py"
    return modules.result(
        modules.start(module, path=str(base), secret="cache_app_password", state=state, value=value, **more)
    )


def test_an_interrupted_change_is_pending_once_a_value_was_made(base: Path) -> None:
    assert not ask(base, "begun", "old")["pending"]
    assert not ask(base, "begun", "old")["pending"], "interrupted before the value was made"
    assert ask(base, "begun", "new")["pending"]
    assert ask(base, "begun", "new")["pending"]
    ask(base, "ended", "new")
    assert not ask(base, "begun", "new")["pending"]


def test_the_marker_does_not_hold_the_value(base: Path) -> None:
    ask(base, "begun", "the value")
    [marker] = (base / ".rotating").iterdir()
    assert "the value" not in marker.read_text()
    assert marker.stat().st_mode & 0o777 == 0o600
    assert marker.parent.stat().st_mode & 0o777 == 0o700


def test_check_mode_writes_no_marker(base: Path) -> None:
    assert ask(base, "begun", "old", check=True)["changed"]
    assert not (base / ".rotating").exists()


def test_a_host_without_a_platform_has_nothing_to_change(tmp_path: Path) -> None:
    assert "has no platform yet" in ask(tmp_path, "begun", "old")["msg"]


def test_a_change_may_have_to_wait_for_the_one_before(base: Path) -> None:
    """But not one that was interrupted."""
    (base / "key").touch()
    said = ask(base, "begun", "old", file="key", seconds=604800)
    assert "cache_app_password was changed 0.0 days ago, and may be changed again 7.0 days after that" in said["msg"]
    assert not (base / ".rotating").exists()
    assert not ask(base, "begun", "old", file="none", seconds=604800)["pending"]
    assert ask(base, "begun", "new", file="key", seconds=604800)["pending"]
    ask(base, "ended", "new")
    os.utime(base / "key", (0, 0))
    assert not ask(base, "begun", "new", file="key", seconds=604800)["pending"]
