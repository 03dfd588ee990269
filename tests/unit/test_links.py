"""Whatever names a page of docs/, or links to a place in one, finds it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pages import ROOT, anchors, links, tracked

PAGES = tracked("*.md")
# Not at the end of an address or a longer path.
_NAMED = re.compile(r"(?<![\w/.-])docs/[\w./-]*\w")


def dead(page: Path, target: str) -> bool:
    """Whether a link leads nowhere."""
    path, _, anchor = target.partition("#")
    to = (page.parent / path).resolve() if path else page
    if not to.exists():
        return True
    return bool(anchor) and anchor not in anchors(to.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in links(page.read_text()) if not re.match(r"[a-z]+:", target)]
    assert [target for target in targets if dead(page, target)] == []


def test_every_page_that_is_named_exists() -> None:
    named = [
        (str(file.relative_to(ROOT)), path)
        for file in tracked(":!*.json", ":!*.lock", ":!docs/manual.txt")
        for path in _NAMED.findall(file.read_bytes().decode(errors="ignore"))
    ]
    assert len(named) > 50
    assert [(file, path) for file, path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_first_page_leads_to_every_other(language: str) -> None:
    folder = ROOT / "docs" / language
    targets = set(links((folder / "README.md").read_text()))
    assert {page.name for page in folder.glob("*.md")} - {"README.md"} <= targets
