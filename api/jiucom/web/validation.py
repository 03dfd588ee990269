"""Converts requests to typed values, and reports every wrong field with a Korean text.

msgspec stops at the first error. So everything is converted by msgspec first, and only if that fails, the fields are checked one
by one. The check stops at the hundredth problem, and does not enter a list that is too long.
"""

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from jiucom.errors import MAX_PROBLEMS, FieldError, invalid
from jiucom.web import messages
from jiucom.web.normal import MAX_DEPTH, composed, has_too_many_marks, is_deeper
from jiucom.web.schema import INT64_MAX, INT64_MIN, InvalidFieldError

T = TypeVar("T")

# Spreadsheets write 5.0.
_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")

# Characters of a key chosen by the client, in an error.
_SHOWN_KEY = 40


def convert(value: Any, target: type[T], *, strict: bool) -> T:
    """`value` (decoded JSON, or texts of a query when not strict) as `target`, text in NFC.

    Raises ApiError 400 JIUCOM-401 naming the wrong fields, MAX_PROBLEMS of them at most.
    """
    # Queries are flat.
    if strict and is_deeper(value, MAX_DEPTH):
        raise invalid([FieldError("", f"{MAX_DEPTH}단계보다 깊이 중첩할 수 없습니다")])
    value = composed(value)
    try:
        converted = msgspec.convert(value, target, strict=strict)
    except msgspec.ValidationError as error:
        problems = list(islice(_problems(value, target, "", strict), MAX_PROBLEMS))
        raise invalid(problems or [FieldError("", messages.text(error, target))]) from None
    problems = list(islice(_unstorable(converted, ""), MAX_PROBLEMS))
    if not strict:
        problems += _misread(value, converted)
    if problems:
        raise invalid(problems)
    return converted


def _misread(texts: Any, converted: Any) -> Iterator[FieldError]:
    """Texts that msgspec accepts and should not: `null` as None, `1e3` as an integer."""
    if not isinstance(texts, Mapping) or not isinstance(converted, msgspec.Struct):
        return
    for name, wire in zip(converted.__struct_fields__, converted.__struct_encode_fields__, strict=True):
        text, read = texts.get(wire), getattr(converted, name)
        if isinstance(text, str) and (read is None or (type(read) is int and not _INTEGER.fullmatch(text))):
            yield FieldError(wire, messages.MALFORMED if read is None else messages.TYPES["int"])


def _unstorable(value: Any, path: str) -> Iterator[FieldError]:
    """Values of the right type that no column can store. Unknown fields are not checked."""
    if isinstance(value, str):
        if "\0" in value:
            yield FieldError(path, messages.NUL)
        if has_too_many_marks(value):
            yield FieldError(path, messages.MARKS)
    elif isinstance(value, int):
        if not INT64_MIN <= value <= INT64_MAX:
            yield FieldError(path, messages.TOO_LARGE)
    elif isinstance(value, list | tuple | set | frozenset):
        for n, item in enumerate(value):
            yield from _unstorable(item, f"{path}[{n}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            below = _below(path, str(key)[:_SHOWN_KEY])
            yield from _unstorable(key, below)
            yield from _unstorable(item, below)
    elif isinstance(value, msgspec.Struct):
        for name, wire in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            # Skips the many absent fields quickly.
            if (item := getattr(value, name)) is not None:
                yield from _unstorable(item, _below(path, wire))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _problems(value: Any, target: Any, path: str, strict: bool) -> Iterator[FieldError]:
    """Every wrong field below `path`."""
    inner, limit = _inner(target, value)
    found = False
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, Mapping):
        for problem in _problems_of_fields(value, inner, path, strict):
            found = True
            yield problem
    elif get_origin(inner) in (list, tuple, set, frozenset) and isinstance(value, list):
        if limit is not None and len(value) > limit:
            yield FieldError(path, messages.too_long(limit))
            return
        item = get_args(inner)[0]
        for n, one in enumerate(value):
            for problem in _problems(one, item, f"{path}[{n}]", strict):
                found = True
                yield problem
    if not found:
        yield from _own_problems(value, target, path, strict)


def _problems_of_fields(
    value: Mapping[str, Any], target: type[msgspec.Struct], path: str, strict: bool
) -> Iterator[FieldError]:
    for field in msgspec.structs.fields(target):
        name = _below(path, field.encode_name)
        if field.encode_name in value:
            yield from _problems(value[field.encode_name], field.type, name, strict)
        elif field.required:
            yield FieldError(name, messages.REQUIRED)


def _own_problems(value: Any, target: Any, path: str, strict: bool) -> Iterator[FieldError]:
    """The problems of a value itself, when its parts have none."""
    try:
        yield from _unstorable(msgspec.convert(value, target, strict=strict), path)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, InvalidFieldError):
            yield FieldError(_below(path, cause.field), str(cause))
        else:
            inner, _ = _inner(target, value)
            yield FieldError(path, messages.REQUIRED if value is None else messages.text(error, inner))


def _inner(target: Any, value: Any) -> tuple[Any, int | None]:
    """The type without its limits and without the None of an optional one, and its `max_length`."""
    limit = None
    while get_origin(target) is Annotated:
        target, *metas = get_args(target)
        limit = next((meta.max_length for meta in metas if meta.max_length is not None), limit)
    if get_origin(target) in (Union, UnionType) and value is not None:
        rest = [arg for arg in get_args(target) if arg is not type(None)]
        if len(rest) == 1:
            return _inner(rest[0], value)
    return target, limit
