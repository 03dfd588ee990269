"""Converts what a client sent to typed values, and names every wrong field with a Korean text.

msgspec is fast and stops at the first error. So the whole is converted first, and only what fails is walked through,
field by field.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from jiucom.errors import FieldError, invalid
from jiucom.web.schema import INT64_MAX, INT64_MIN, InvalidFieldError, NotBlank

T = TypeVar("T")

REQUIRED = "필수 값입니다"
TOO_LARGE = "64비트 정수 범위를 벗어났습니다"
_NUL = "NUL 문자는 사용할 수 없습니다"

_TYPES = {
    "int": "정수여야 합니다",
    "float": "숫자여야 합니다",
    "decimal": "숫자여야 합니다",
    "bool": "true 또는 false여야 합니다",
    "str": "문자열이어야 합니다",
    "array": "배열이어야 합니다",
    "object": "객체여야 합니다",
    "date": "날짜(yyyy-MM-dd)여야 합니다",
    "datetime": "ISO-8601 날짜와 시간이어야 합니다",
}
# Spreadsheets write 5.0.
_INTEGER = re.compile(r"[+-]?[0-9]+(?:\.0+)?")
_TOO_SHORT = re.compile(r"of length >= (\d+)")
_TOO_LONG = re.compile(r"of length <= (\d+)")
_TOO_LOW = re.compile(r"Expected `\w+`(?: \| \w+)? >= (-?[\d.]+)")
_TOO_HIGH = re.compile(r"Expected `\w+`(?: \| \w+)? <= (-?[\d.]+)")
_EXPECTED = re.compile(r"Expected `(\w+)")


def convert(value: Any, target: type[T], *, strict: bool) -> T:
    """`value` (decoded JSON, or texts of a query when not strict) as `target`, text in NFC.

    Raises ApiError 400 JIUCOM-401 with every wrong field.
    """
    value = _composed(value)
    try:
        converted = msgspec.convert(value, target, strict=strict)
    except msgspec.ValidationError as error:
        raise invalid(list(_problems(value, target, "", strict)) or [FieldError("", _text(error, target))]) from None
    problems = list(_unstorable(converted, ""))
    if not strict:
        problems += _misread(value, converted)
    if problems:
        raise invalid(problems)
    return converted


def _misread(texts: Any, converted: Any) -> Iterator[FieldError]:
    """Texts that msgspec reads as what nobody means: `null` as nothing, `1e3` as a number of things."""
    if not isinstance(texts, Mapping) or not isinstance(converted, msgspec.Struct):
        return
    for name, wire in zip(converted.__struct_fields__, converted.__struct_encode_fields__, strict=True):
        text, read = texts.get(wire), getattr(converted, name)
        if isinstance(text, str) and (read is None or (type(read) is int and not _INTEGER.fullmatch(text))):
            yield FieldError(wire, "형식이 올바르지 않습니다" if read is None else _TYPES["int"])


def _composed(value: Any) -> Any:
    """Text in NFC; 1.0 as the integer that it is to JSON Schema."""
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if type(value) is float and value.is_integer() and INT64_MIN <= value <= INT64_MAX:
        return int(value)
    if isinstance(value, dict):
        return {_composed(key): _composed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_composed(item) for item in value]
    return value


def _unstorable(value: Any, path: str) -> Iterator[FieldError]:
    """What has the right type and fits no column. Looks at what was taken over: unknown fields may hold anything."""
    if isinstance(value, str):
        if "\0" in value:
            yield FieldError(path, _NUL)
    elif isinstance(value, int):
        if not INT64_MIN <= value <= INT64_MAX:
            yield FieldError(path, TOO_LARGE)
    elif isinstance(value, list | tuple | set | frozenset):
        for n, item in enumerate(value):
            yield from _unstorable(item, f"{path}[{n}]")
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _unstorable(key, _below(path, key))
            yield from _unstorable(item, _below(path, key))
    elif isinstance(value, msgspec.Struct):
        for name, wire in zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True):
            # Most fields of most queries are not given.
            if (item := getattr(value, name)) is not None:
                yield from _unstorable(item, _below(path, wire))


def _below(path: str, name: object) -> str:
    return f"{path}.{name}" if path else str(name)


def _problems(value: Any, target: Any, path: str, strict: bool) -> Iterator[FieldError]:
    """Every wrong field below `path`."""
    inner = _inner(target, value)
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct) and isinstance(value, Mapping):
        found = False
        for field in msgspec.structs.fields(inner):
            name = _below(path, field.encode_name)
            if field.encode_name in value:
                for problem in _problems(value[field.encode_name], field.type, name, strict):
                    found = True
                    yield problem
            elif field.required:
                found = True
                yield FieldError(name, REQUIRED)
        if found:
            return
    elif get_origin(inner) in (list, tuple, set, frozenset) and isinstance(value, list):
        item = get_args(inner)[0]
        problems = [p for n, one in enumerate(value) for p in _problems(one, item, f"{path}[{n}]", strict)]
        if problems:
            yield from problems
            return
    try:
        yield from _unstorable(msgspec.convert(value, target, strict=strict), path)
    except msgspec.ValidationError as error:
        cause = error.__cause__
        if isinstance(cause, InvalidFieldError):
            yield FieldError(_below(path, cause.field), str(cause))
        else:
            yield FieldError(path, REQUIRED if value is None else _text(error, inner))


def _inner(target: Any, value: Any) -> Any:
    """The type without its limits and without the None of an optional one."""
    while get_origin(target) is Annotated:
        target = get_args(target)[0]
    if get_origin(target) in (Union, UnionType) and value is not None:
        rest = [arg for arg in get_args(target) if arg is not type(None)]
        if len(rest) == 1:
            return _inner(rest[0], value)
    return target


def _text(error: msgspec.ValidationError, target: Any) -> str:
    """msgspec's English in our clients' language; what our own types raise is that already."""
    message = str(error).split(" - at `$")[0]
    if message.startswith("Invalid enum value"):
        return f"다음 중 하나여야 합니다: {', '.join(_choices(target))}"
    if match := _TOO_SHORT.search(message):
        return "비어 있을 수 없습니다" if match[1] == "1" else f"길이는 {match[1]} 이상이어야 합니다"
    if match := _TOO_LONG.search(message):
        return f"길이는 {match[1]} 이하여야 합니다"
    if f"matching regex {NotBlank.pattern!r}" in message:
        return "공백일 수 없습니다"
    if message == "Integer value out of range" or message.endswith((f" {INT64_MAX}", f" {INT64_MIN}")):
        return TOO_LARGE
    if match := _TOO_LOW.match(message):
        return f"{match[1]} 이상이어야 합니다"
    if match := _TOO_HIGH.match(message):
        return f"{match[1]} 이하여야 합니다"
    if "date" in message.casefold():
        return _TYPES["datetime" if "datetime" in message or "RFC3339 encoded datetime" in message else "date"]
    if "regex" not in message and (match := _EXPECTED.match(message)):
        return _TYPES.get(match[1], "형식이 올바르지 않습니다")
    if message.startswith(("Expected", "Invalid", "Object")):
        return "형식이 올바르지 않습니다"
    return message


def _choices(target: Any) -> list[str]:
    if isinstance(target, type) and issubclass(target, Enum):
        return [str(member.value) for member in target]
    if get_origin(target) is Literal:
        return [str(value) for value in get_args(target)]
    return []
