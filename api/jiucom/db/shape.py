"""Statements as spans show them. They hold no values: those are arguments."""

import re
from functools import lru_cache

_BLANKS = re.compile(r"\s+")
# Lists of any length have one shape.
_LIST = re.compile(r"%s(?:, ?%s)+")
_TABLE = re.compile(r"\b(?:from|into|update|join)\s+[(\s]*`?(\w+)", re.IGNORECASE)


@lru_cache(maxsize=1024)
def shape(sql: str) -> tuple[str, str]:
    """A short name ("SELECT parts") and the statement's text, both without values."""
    text = _LIST.sub("%s, ...", _BLANKS.sub(" ", sql).strip())
    verb = text.partition(" ")[0].upper()
    table = next((name for name in _TABLE.findall(text) if name.lower() != "select"), "")
    return f"{verb} {table}".strip(), text
