"""JSON of answers."""

from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")

encode = msgspec.json.Encoder(decimal_format="number").encode


def json_text(value: Any) -> str:
    """The value as JSON text, for arguments of statements."""
    return encode(value).decode()


class Json(Generic[T]):
    """An encoded `data` value of type T. Cached answers are sent without decoding them."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
