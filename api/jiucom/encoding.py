"""JSON as it leaves the API."""

from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")

encode = msgspec.json.Encoder(decimal_format="number").encode


class Json(Generic[T]):
    """A finished `data` value in JSON; the type says what it holds. Cached answers are never decoded."""

    __slots__ = ("raw",)

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
