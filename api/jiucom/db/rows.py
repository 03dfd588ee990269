"""Rows to structs, by position: the columns of a SELECT stand in the order of the fields."""

import typing
from collections.abc import Callable, Sequence
from datetime import datetime
from enum import Enum
from functools import lru_cache
from types import UnionType
from typing import Any, TypeVar

import msgspec

from jiucom.clock import Clock

T = TypeVar("T")


def structs(columns: Sequence[Any], rows: Sequence[tuple[Any, ...]], into: type[T], clock: Clock) -> list[T]:
    """Each row as `into`. Tests compare the names of the columns with the fields here (`testing.columns`)."""
    build = mapper(into, clock)
    return [build(row) for row in rows]


def mapper(into: type[T], clock: Clock) -> Callable[[tuple[Any, ...]], T]:
    """A function from a row to `into`.

    Values are converted by the field's type where MySQL has another one than Python: DATETIME to aware times, TINYINT to bool,
    JSON text to `msgspec.Raw` (unchanged) or to dict and list, text to enums.
    """
    # mypy does not see that a type behind a type variable is hashable.
    return typing.cast("Callable[[tuple[Any, ...]], T]", _mapper(typing.cast(Any, into), clock))


@lru_cache(maxsize=1024)
def _mapper(into: Any, clock: Clock) -> Callable[[tuple[Any, ...]], Any]:
    found = ((n, _converter(field.type, clock)) for n, field in enumerate(msgspec.structs.fields(into)))
    special = [(n, convert) for n, convert in found if convert]
    if not special:
        return lambda row: into(*row)

    def build(row: tuple[Any, ...]) -> Any:
        values = list(row)
        for n, convert in special:
            if (value := values[n]) is not None:
                values[n] = convert(value)
        return into(*values)

    return build


def _converter(hint: Any, clock: Clock) -> Callable[[Any], Any] | None:
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        return _converter(typing.get_args(hint)[0], clock)
    if origin in (typing.Union, UnionType):
        return next(filter(None, (_converter(arg, clock) for arg in typing.get_args(hint))), None)
    if hint is datetime:
        return clock.local
    if hint is bool:
        return bool
    if hint is msgspec.Raw:
        return lambda text: msgspec.Raw(text.encode())
    if (origin or hint) in (dict, list):
        return msgspec.json.decode
    if isinstance(hint, type) and issubclass(hint, Enum):
        # Faster than `hint(text)`, which matters for lists.
        return {member.value: member for member in hint}.__getitem__
    return None
