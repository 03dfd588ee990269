"""The README on the host: its commit and date are those of the last run that changed something."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modules import ROOT, result, start

TEXT = "# JIUCOM\nMade from @stamp@\n"


def write(
    base: Path, text: str = TEXT, commit: str = "abc1234", anew: bool = False, check: bool = False
) -> dict[str, Any]:
    module = ROOT / "roles/stack/library/stack_readme.py"
    return result(start(module, check=check, path=str(base), text=text, commit=commit, anew=anew))


def test_a_run_that_changes_nothing_leaves_the_stamp(tmp_path: Path) -> None:
    file = tmp_path / "README.md"
    assert write(tmp_path, check=True)["changed"]
    assert not file.exists()
    assert write(tmp_path)["changed"]
    assert "Made from commit abc1234, 20" in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o640
    first = file.read_text()
    assert not write(tmp_path, commit="fff9999")["changed"]
    assert file.read_text() == first


def test_a_run_with_changes_gets_a_new_stamp(tmp_path: Path) -> None:
    write(tmp_path)
    assert write(tmp_path, commit="fff9999+", anew=True)["changed"]
    assert "commit fff9999+, " in (tmp_path / "README.md").read_text()
    assert write(tmp_path, text="# Another\nfrom @stamp@", commit="eee8888")["changed"]
    assert "commit eee8888, " in (tmp_path / "README.md").read_text()
    assert write(tmp_path, text="# Another\nfrom @stamp@", commit="")["changed"] is False
    assert write(tmp_path, text=TEXT, commit="")["diff"]["after"].count("commit unknown, ") == 1
