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
# Characters without width or ink: fillers, joiners, variation selectors.
INVISIBLE = (
    r"\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0"
)

# For names and titles: one line, with something to see. Instead of NotBlank. Read by Python and by JSON Schema alike.
Line = Meta(pattern=rf"^[^{_UNPRINTABLE}]*[^\s{_UNPRINTABLE}{INVISIBLE}][^{_UNPRINTABLE}]*(?![\s\S])")

# What is said where a text does not match: pattern -> Korean text.
PATTERNS = {
    NotBlank.pattern: "공백일 수 없습니다",
    Line.pattern: "보이는 글자가 있어야 하고, 제어 문자는 쓸 수 없습니다",
}


class InvalidFieldError(ValueError):
    """Raise it in a Schema's `__post_init__` when fields contradict each other; `field` is the wire name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
