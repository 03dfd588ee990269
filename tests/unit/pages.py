"""The pages of the repository as tests see them: headings, tables, code, links."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
NAMES = sorted({path.name for language in ("en", "ko") for path in (DOCS / language).glob("*.md")})
_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def tracked(*patterns: str) -> list[Path]:
    """Name the files of the repository, also those that are not committed yet."""
    said = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [path for path in map(ROOT.joinpath, said.splitlines()) if path.is_file()]


def fences(text: str) -> list[tuple[str, str]]:
    """Return the blocks of code with their languages."""
    return _FENCE.findall(text)


def commands(text: str) -> list[str]:
    """Return each line of the shell blocks, without what it says of itself."""
    lines = [line.strip() for kind, block in fences(text) if kind == "sh" for line in block.splitlines()]
    return [re.split(r"(?:^|\s+)# ?", line)[0].rstrip() for line in lines if line and not line.startswith("#")]


def typed(text: str) -> list[str]:
    """Return the commands of a page: those of its blocks, and what it shows as code in a line."""
    return commands(text) + re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S))


def prose(text: str) -> str:
    """Return a page without its blocks of code."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    """Return the headings with their levels."""
    return [(len(marks), title) for marks, title in re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)]


def tables(text: str) -> list[tuple[int, int]]:
    """Return the rows and columns of each table."""
    found = re.findall(r"(?:^ *\|.*\|$\n?)+", prose(text), re.MULTILINE)
    return [(len(table.splitlines()), len(re.findall(r"(?<!\\)\|", table.splitlines()[0])) - 1) for table in found]


def anchors(text: str) -> set[str]:
    """Return what a link may name after #, as GitHub makes it from the headings."""
    found: set[str] = set()
    for _, title in headings(text):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", title).lower()
        name = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        number = sum(1 for other in found if re.fullmatch(rf"{re.escape(name)}(-\d+)?", other))
        found.add(f"{name}-{number}" if number else name)
    return found


def links(text: str) -> Iterator[str]:
    """Yield the targets of links and pictures."""
    yield from re.findall(r"\]\(([^()\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(text)))
