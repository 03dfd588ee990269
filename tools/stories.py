"""Write the results of the stories into docs/stories.md: python -m tools.stories FILE.xml ... (pytest's JUnit files).

A row a file of tests/stories, with the date and the commit of its last run; rows of files that were not run stay as they are.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
STORIES = ROOT / "tests/stories"
PAGE = ROOT / "docs/stories.md"
HEAD = "| story | what it shows | result | seconds | date | commit |\n|---|---|---|---:|---|---|\n"


def summary(path: str) -> str:
    """Return the first sentence of a test file's docstring."""
    text = ast.get_docstring(ast.parse((STORIES / path).read_text())) or ""
    return " ".join(text.partition("\n\n")[0].split()).replace("|", "\\|")


def results(file: Path) -> dict[str, list[tuple[str, float]]]:
    """Read outcome and seconds of each test, by its file below tests/stories."""
    found = defaultdict(list)
    for case in ET.parse(file).getroot().iter("testcase"):  # noqa: S314 - pytest wrote it
        # Pytest leaves one without a class where the run was interrupted in the middle of a test.
        if not case.get("classname"):
            continue
        outcomes = {child.tag for child in case}
        outcome = "failed" if outcomes & {"failure", "error"} else "skipped" if "skipped" in outcomes else "passed"
        path = re.sub(r"^tests\.stories\.", "", case.get("classname", "")).replace(".", "/") + ".py"
        found[path].append((outcome, float(case.get("time", 0))))
    return found


def row(path: str, tests: list[tuple[str, float]], date: str, commit: str) -> str:
    """Write the row of one file."""
    outcomes = [outcome for outcome, _ in tests]
    counts = ", ".join(f"{outcomes.count(one)} {one}" for one in ("passed", "failed", "skipped") if one in outcomes)
    seconds = round(sum(time for _, time in tests))
    return f"| {path} | {summary(path)} | {counts} | {seconds} | {date} | {commit} |"


def known(text: str) -> dict[str, str]:
    """Read the rows of the page, by file; files that are gone are left out."""
    rows = re.findall(r"^\| ([\w/]+\.py) \|.*$", text, re.M)
    lines = [line for line in text.splitlines() if line.startswith("| ") and ".py |" in line]
    return {path: line for path, line in zip(rows, lines, strict=True) if (STORIES / path).is_file()}


def git(*arguments: str) -> str:
    """Run git in the repository."""
    return subprocess.run(
        ["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


def main(files: list[str]) -> None:
    """Read the results and write the page."""
    text = PAGE.read_text()
    introduction = text.partition(HEAD)[0]
    rows = known(text)
    changed = git("status", "--porcelain", "--untracked-files=no")
    commit = git("rev-parse", "--short", "HEAD") + (" and changes" if changed else "")
    for file in files:
        for path, tests in results(Path(file)).items():
            rows[path] = row(path, tests, datetime.now(UTC).strftime("%Y-%m-%d"), commit)
    PAGE.write_text(introduction + HEAD + "".join(f"{rows[path]}\n" for path in sorted(rows)))


if __name__ == "__main__":
    main(sys.argv[1:])
