"""Markdown tables and the sections of a page that are generated."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tools.docs.data import say

_SECTION = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def code(value: object) -> str:
    """Write a value as code in a cell."""
    return f"`{value}`".replace("|", "\\|").replace("\n", " ")


def table(language: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Write a table; the words of its head are translated."""
    titles = [say(title, language) for title in head]
    lines = [titles, ["---"] * len(titles), *(list(row) for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines).replace("| --- ", "|---").replace("--- |", "---|")


def filled(text: str, language: str, sections: dict[str, Callable[[str], str]]) -> str:
    """Return a page with each of its generated sections made anew."""
    return _SECTION.sub(lambda found: f"{found[1]}\n{sections[found[2]](language)}\n{found[3]}", text)
