"""docs/en and docs/ko: the same pages, section by section, and what is generated is current."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pages import DOCS, NAMES, ROOT, fences, headings, tables

from tools.docs import configure, data
from tools.docs.pages import SECTIONS, generate

MADE = generate()


@pytest.mark.parametrize("path", MADE, ids=lambda path: str(path.relative_to(DOCS)))
def test_what_is_generated_is_current(path: Path) -> None:
    assert path.is_file(), f"type make docs: {path} is missing"
    assert path.read_text() == MADE[path], "type make docs, and commit what it writes"


@pytest.mark.parametrize("name", NAMES)
def test_a_page_is_there_in_both_languages(name: str) -> None:
    assert [language for language in data.LANGUAGES if not (DOCS / language / name).is_file()] == []


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_have_the_same_sections_tables_and_blocks(name: str) -> None:
    english, korean = ((DOCS / language / name).read_text() for language in ("en", "ko"))
    levels = [[level for level, _ in headings(text)] for text in (english, korean)]
    assert levels[0] == levels[1], (headings(english), headings(korean))
    assert tables(english) == tables(korean)
    assert [kind for kind, _ in fences(english)] == [kind for kind, _ in fences(korean)]


@pytest.mark.parametrize("section", SECTIONS)
def test_each_section_is_used_in_both_languages(section: str) -> None:
    for language in data.LANGUAGES:
        pages = "".join(page.read_text() for page in (DOCS / language).glob("*.md"))
        assert pages.count(f"<!-- generated: {section} -->") == 1, language


def test_every_variable_is_in_the_reference() -> None:
    text = configure.reference("en")
    names = [name for role in data.roles() for name in data.specification(role)["options"]]
    assert [name for name in names if f"| `{name}` |" not in text] == []


def test_a_text_without_korean_says_where_to_add_it() -> None:
    with pytest.raises(data.MissingWordsError, match=r"'No such text' has no Korean: add it to tools/docs/ko.yml"):
        data.say("No such text", "ko")


def test_all_korean_words_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stands for a text that was changed since would never be seen again."""
    words = yaml.safe_load((ROOT / data.WORDS).read_text())
    asked: set[str] = set()

    class Words(dict[str, str]):
        def __getitem__(self, key: str) -> str:
            asked.add(key)
            return super().__getitem__(key)

    reading = data.read
    monkeypatch.setattr(data, "read", lambda path: Words(words) if path == data.WORDS else reading(path))
    generate()
    assert sorted(words.keys() - asked) == []
