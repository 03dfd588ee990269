"""What request and response types are made of."""

from typing import Annotated

import msgspec
from msgspec import Meta

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Schema(msgspec.Struct, rename="camel", frozen=True):
    """Base of everything that crosses the wire: snake_case here, camelCase there."""


Id = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX, examples=[1])]

# For texts that must hold more than blanks: `Annotated[str, NotBlank, Meta(max_length=100)]`.
NotBlank = Meta(pattern=r"\S")

# Control characters, line breaks, and what turns the direction of the text around it.
_UNPRINTABLE = r"\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f\ufff9-\ufffb"
# Fillers and blanks without width; and what is none alone but part of an emoji.
_EMPTY = r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u2060-\u2065\u2800\u3164\ufeff\uffa0"
JOINERS = r"\u200c\u200d\ufe00-\ufe0f"


def _line(refused: str) -> str:
    """A pattern, read by Python and by JSON Schema alike: something to see, and none of `refused`."""
    return rf"^[^{refused}]*[^\s{_UNPRINTABLE}{_EMPTY}{JOINERS}][^{refused}]*(?![\s\S])"


# For titles, instead of NotBlank: one line.
OneLine = Meta(pattern=_line(_UNPRINTABLE))
# For names of people: one line, and no characters that cannot be seen.
NAME = _line(_UNPRINTABLE + _EMPTY)

# What is said where a text does not match: pattern -> Korean text.
PATTERNS = {
    NotBlank.pattern: "공백일 수 없습니다",
    OneLine.pattern: "보이는 글자가 있어야 하고, 제어 문자는 쓸 수 없습니다",
}


class InvalidFieldError(ValueError):
    """Raise it in a Schema's `__post_init__` when fields contradict each other; `field` is the wire name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
