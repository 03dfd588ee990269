"""The form in which a decoded request is checked and stored: text in NFC, whole numbers as integers, of limited depth."""

import re
import unicodedata
from typing import Any

from jiucom.web.schema import INT64_MAX, INT64_MIN

# Deeper than any request type, and far below Python's recursion limit.
MAX_DEPTH = 64

# Unicode's stream-safe format allows as many combining marks in a row. Sorting them takes quadratic time in some versions
# of Python.
_MAX_MARKS = 30
_MARKS = [chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code))]
_TOO_MANY = re.compile(f"[{''.join(_MARKS)}]{{{_MAX_MARKS + 1}}}")
# A quick test, ten times as fast: it takes all characters above U+FFFF for marks.
_PERHAPS = re.compile(
    f"[{''.join(mark for mark in _MARKS if mark <= chr(0xFFFF))}\U00010000-\U0010ffff]{{{_MAX_MARKS + 1}}}"
)


def is_deeper(value: Any, limit: int) -> bool:
    """Whether arrays and objects are nested more than `limit` levels deep. Iterative, since Python limits recursion."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        if not level:
            return False
        inner = (item for each in level for item in (each.values() if isinstance(each, dict) else each))
        level = [item for item in inner if isinstance(item, dict | list)]
    return bool(level)


def has_too_many_marks(text: str) -> bool:
    """Whether the text has so many marks in a row that `composed` leaves it unchanged: composing it would take too long."""
    return not text.isascii() and _PERHAPS.search(text) is not None and _TOO_MANY.search(text) is not None


def composed(value: Any) -> Any:
    """A copy with text in NFC, and 1.0 as the integer that it is to JSON Schema. No deeper than MAX_DEPTH."""
    if isinstance(value, str):
        if value.isascii() or has_too_many_marks(value):
            return value
        return unicodedata.normalize("NFC", value)
    if type(value) is float and value.is_integer() and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    if isinstance(value, dict):
        return {composed(key): composed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [composed(item) for item in value]
    return value
