"""Plans of searches: no typed character is an operator, and no short word is looked up in the index."""

import unicodedata

import pytest

from jiucom.db import search_sql
from jiucom.db.search_sql import Searchable
from jiucom.rules.search_terms import MAX_TERMS, like, plan

TARGET = Searchable(table="t", fulltext="t.body", text="t.body", title="t.name", visible="t.visible")


@pytest.mark.parametrize(
    ("query", "boolean"),
    [
        ("7800x3d", '+"0x" +"3d"'),
        ("B650E-F", '+"b6" +"0e"'),
        ("i7-14700K", '+"0k" +"i7"'),
        ("80+", '+"80"'),
        ("80+ gold", '+"go" +"ld" +"80"'),
        ("4070 ti super", '+"40" +"70" +"su"'),
        ("Ryzen 7 7800X3D", '+"0x" +"3d"'),
        ("삼성 SSD", '+"ss" +("삼성" "sa")'),
        ("쿨러 360", '+"36" +"60" +("쿨러" "co")'),
        ("앱코", '"앱코" "ab"'),
        ("WD Black", '+"bl" +"ck" +("wd" "we" "웨스")'),
        ("노스텔지어", '+"노스" +"지어"'),
        ("견적왕", '+"견적" +"적왕"'),
        ("rtx", '+"rt"'),
        ("gold gold", '+"go" +"ld"'),
        ("램", None),
        ("7", None),
        ("a* b*", None),
        ('"+-()<>~*@', None),
        ('ab"cd', '+"ab" +"cd"'),
        ("", None),
        ("   ", None),
    ],
)
def test_the_boolean_query_for_the_index(query: str, boolean: str | None) -> None:
    assert plan(query).boolean == boolean


def test_one_character_is_found_by_its_synonyms() -> None:
    assert plan("램").boolean_synonyms == '"ra" "메모"'
    assert plan("7").boolean_synonyms is None


def test_words_are_folded_composed_and_counted_once() -> None:
    understood = plan(unicodedata.normalize("NFD", "  앱코  SSD ssd "))
    assert understood.phrase == "앱코 ssd ssd"
    assert [term.text for term in understood.terms] == ["앱코", "ssd"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("rtx-4090", ["rtx", "4090"]),
        ("RTX4090", ["rtx", "4090"]),
        ("rtx4090ti", ["rtx", "4090", "ti"]),
        ("DDR5-6000", ["ddr5", "6000"]),
        ("990-pro", ["990", "pro"]),
        ("990pro", ["990", "pro"]),
        ("i7-14700K", ["i7", "14700k"]),
        ("7800x3d", ["7800x3d"]),
        ("32GB", ["32gb"]),
        ("B650E-F", ["b650e-f"]),
        ("m-atx", ["m-atx"]),
        ("rtx\u20114090", ["rtx", "4090"]),
        ("rtx- -4090", ["rtx", "4090"]),
        ("RTX\u200b 40\u200b90\ufeff", ["rtx", "4090"]),
        ("990\u00a0pro", ["990", "pro"]),
        ("\u200b", []),
        ("-", ["-"]),
    ],
)
def test_words_as_people_separate_them(query: str, words: list[str]) -> None:
    assert [term.text for term in plan(query).terms] == words


def test_a_hyphen_beside_one_letter_may_be_anything() -> None:
    (term,) = plan("b650e-f").terms
    assert term.patterns == ("b650e_f", "b650ef")
    (term,) = plan("a_b").terms
    assert term.patterns == (r"a\_b",)


def test_a_search_has_bounded_cost() -> None:
    assert len(plan(" ".join(f"w{n}" for n in range(500))).terms) == MAX_TERMS


def test_like_takes_everything_literally() -> None:
    assert like(r"100%_\x") == r"100\%\_\\x"


@pytest.mark.parametrize("query", ["", "7", "램", "램 7", "80% off", "삼성 SSD", "'; DROP TABLE t; --"])
def test_each_placeholder_has_its_argument(query: str) -> None:
    understood = plan(query)
    for sql in (
        search_sql.source(TARGET, understood),
        search_sql.condition(TARGET, understood),
        search_sql.relevance(TARGET, understood),
    ):
        assert sql.text.count("%s") == len(sql.args)
        assert "%" not in sql.text.replace("%s", "")
        assert query not in sql.text or not query


def test_without_words_everything_is_found() -> None:
    assert search_sql.source(TARGET, plan(" ")).text == "t"
    assert search_sql.condition(TARGET, plan(" ")).text == "t.visible"
