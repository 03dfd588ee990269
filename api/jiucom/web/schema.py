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


class InvalidFieldError(ValueError):
    """Raise it in a Schema's `__post_init__` when fields contradict each other; `field` is the wire name."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
