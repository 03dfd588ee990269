"""The base of request and response types."""

from typing import Annotated

import msgspec
from msgspec import Meta

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Schema(msgspec.Struct, rename="camel", frozen=True):
    """Base of request and response types: snake_case in Python, camelCase in JSON."""


Id = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX, examples=[1])]

# For texts that must not be blank: `Annotated[str, NotBlank, Meta(max_length=100)]`.
NotBlank = Meta(pattern=r"\S")

# Control characters, line breaks, and marks that change the direction of the text.
_UNPRINTABLE = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
# Fillers and blanks without width. Joiners have no width either, but are part of emojis.
_EMPTY = r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u2800\u3164\ufeff\uffa0"
JOINERS = r"\u200c\u200d\ufe00-\ufe0f"


def _line(refused: str) -> str:
    """A pattern for Python and JSON Schema: at least one visible character, and none of `refused`."""
    return rf"^[^{refused}]*[^\s{_UNPRINTABLE}{_EMPTY}{JOINERS}][^{refused}]*(?![\s\S])"


# For titles, instead of NotBlank: one line.
OneLine = Meta(pattern=_line(_UNPRINTABLE))
# For nicknames: one line without invisible characters.
NAME = _line(_UNPRINTABLE + _EMPTY)

# The error for a text that does not match: pattern -> Korean text.
PATTERNS = {
    NotBlank.pattern: "공백일 수 없습니다",
    OneLine.pattern: "보이는 글자가 있어야 하고, 제어 문자는 쓸 수 없습니다",
}


class InvalidFieldError(ValueError):
    """Raise it in a Schema's `__post_init__` when fields contradict each other; `field` is the wire name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
