"""Turns a search plan into SQL over any table with a full-text index of pairs of characters."""

import re
from dataclasses import dataclass
from typing import Any

from jiucom.db.sql import Sql, where
from jiucom.rules.search_terms import Plan, Term, like


@dataclass(frozen=True, slots=True)
class Searchable:
    """A table with a full-text index, and the expressions that its rows are checked and ranked by.

    `fulltext` are the columns of the index; `text` an expression of all that is searched; `title` the column that a hit
    shows as its name, with an index of its own; `visible` the condition that this index starts with.
    """

    table: str
    fulltext: str
    text: str
    title: str
    visible: str


def candidates(target: Searchable, plan: Plan) -> Sql:
    """How many candidates the index has for a plan. They are counted without reading the rows."""
    return Sql(f"SELECT COUNT(*) FROM {target.table} WHERE {_match(target)}", (plan.boolean,))  # noqa: S608


def source(target: Searchable, plan: Plan) -> Sql:
    """A FROM clause that reads the candidates of the plan, never the whole table (unless the plan has no terms)."""
    if not plan.terms or plan.boolean:
        return Sql(target.table)
    # Only words of one character: titles that begin with the first one, and candidates by synonyms.
    candidates = f"SELECT id FROM {target.table} WHERE {target.visible} AND {target.title} LIKE %s"  # noqa: S608
    args: tuple[Any, ...] = (f"{plan.terms[0].patterns[0]}%",)
    if plan.boolean_synonyms:
        candidates += f" UNION SELECT id FROM {target.table} WHERE {_match(target)}"  # noqa: S608
        args += (plan.boolean_synonyms,)
    return Sql(f"({candidates}) AS candidates JOIN {target.table} USING (id)", args)


def condition(target: Searchable, plan: Plan, *, indexed: bool = True) -> Sql:
    """A WHERE condition that holds for the hits among the candidates; not `indexed`: among all rows (`Plan.complete`)."""
    pieces = [Sql(target.visible)]
    if plan.boolean and indexed:
        pieces.append(Sql(_match(target), (plan.boolean,)))
    pieces += [_contains(target.text, term) for term in plan.terms]
    return where(*pieces)


def relevance(target: Searchable, plan: Plan) -> Sql:
    """ORDER BY terms, best first: how the words stand together in the title, then how many are words or begin one."""
    if not plan.terms:
        return Sql("NULL")
    # Any character may separate the words: a blank, a hyphen, ...
    phrase, words = re.sub("[ -]", "_", like(plan.phrase)), [term.patterns[0] for term in plan.terms]
    spaced = f"CONCAT(' ', {target.text}, ' ')"
    whole_words = " + ".join(f"({spaced} LIKE %s) + ({spaced} LIKE %s)" for _ in words)
    text = (
        f"CASE WHEN {target.title} LIKE %s THEN 0 WHEN {target.title} LIKE %s THEN 1"
        f" WHEN CONCAT(' ', {target.title}, ' ') LIKE %s THEN 2 WHEN {target.title} LIKE %s THEN 3 ELSE 4 END,"
        f" {whole_words} DESC"
    )
    args = (
        phrase,
        f"{phrase}%",
        f"% {phrase} %",
        f"%{phrase}%",
        *(pattern for word in words for pattern in (f"% {word} %", f"% {word}%")),
    )
    return Sql(text, args)


def _match(target: Searchable) -> str:
    return f"MATCH({target.fulltext}) AGAINST (%s IN BOOLEAN MODE)"


def _contains(text: str, term: Term) -> Sql:
    checks = [Sql(f"{text} LIKE %s", (f"%{pattern}%",)) for pattern in term.patterns]
    checks += [Sql(f"CONCAT(' ', {text}, ' ') LIKE %s", (f"% {like(word)} %",)) for word in term.synonyms]
    return Sql(f"({' OR '.join(check.text for check in checks)})", tuple(arg for check in checks for arg in check.args))
