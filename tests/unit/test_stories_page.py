"""docs/stories.md is written by the tool that runs the stories: a row a file, rows of others stay."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import stories

INTRODUCTION = "# Stories\n\nWhat they are.\n\n"
STORY = '"""What it shows | and where.\n\nMore.\n"""\n\n\ndef test_one() -> None: ...\ndef test_two() -> None: assert False\n'


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page with a row of an earlier run and a row of a file that is gone, and two stories."""
    for name in ("test_old.py", "test_new.py"):
        (tmp_path / "tests/stories/default").mkdir(parents=True, exist_ok=True)
        (tmp_path / "tests/stories/default" / name).write_text(STORY)
    rows = "".join(f"| default/{name}.py | earlier | 1 passed | 1 | then | c |\n" for name in ("test_gone", "test_old"))
    (tmp_path / "stories.md").write_text(INTRODUCTION + stories.HEAD + rows)
    monkeypatch.setattr(stories, "STORIES", tmp_path / "tests/stories")
    monkeypatch.setattr(stories, "PAGE", tmp_path / "stories.md")
    return tmp_path / "stories.md"


def run(home: Path, code: int) -> Path:
    """Run the new story, which ends with this code; returns pytest's file of results."""
    results = home / "default.xml"
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", home, f"--junitxml={results}",
         "tests/stories/default/test_new.py"],
        cwd=home, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == code, ended.stdout
    return results


def test_what_was_run_is_written_and_the_rest_stays(page: Path, tmp_path: Path) -> None:
    """Pytest's own file of results is read."""
    results = run(tmp_path, 1)
    stories.main([str(results)])
    text = page.read_text()
    assert text.startswith(INTRODUCTION + stories.HEAD)
    new, old = text.removeprefix(INTRODUCTION + stories.HEAD).splitlines()
    assert new.startswith("| default/test_new.py | What it shows \\| and where. | 1 passed, 1 failed | 0 | ")
    assert old == "| default/test_old.py | earlier | 1 passed | 1 | then | c |"
    # Twice is the same.
    stories.main([str(results)])
    assert page.read_text() == text


def test_a_run_that_was_interrupted_has_a_row(page: Path, tmp_path: Path) -> None:
    """Pytest's results of a run that ended with Ctrl-C in its second test."""
    ended = STORY.replace("assert False", "raise KeyboardInterrupt")
    (tmp_path / "tests/stories/default/test_new.py").write_text(ended)
    results = run(tmp_path, 2)
    stories.main([str(results)])
    assert "| default/test_new.py | What it shows \\| and where. | 1 passed | 0 | " in page.read_text()
