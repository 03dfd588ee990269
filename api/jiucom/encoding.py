"""JSON of answers."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

encode = msgspec.json.Encoder(decimal_format="number").encode


class Json(Generic[T]):
    """An encoded `data` value of type T. Cached answers are sent without decoding them."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
