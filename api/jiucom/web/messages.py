"""Korean texts for field errors: our own, and translations of msgspec's English ones.

msgspec has no error codes, so its texts are parsed. Its version is pinned, and each text is under test.
"""

import re
from enum import Enum
from typing import Any, Literal, get_args, get_origin

import msgspec

from jiucom.web.schema import INT64_MAX, INT64_MIN, PATTERNS

REQUIRED = "필수 값입니다"
TOO_LARGE = "64비트 정수 범위를 벗어났습니다"
NUL = "NUL 문자는 사용할 수 없습니다"
MARKS = "결합 문자가 너무 많습니다"
MALFORMED = "형식이 올바르지 않습니다"

TYPES = {
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
_TOO_SHORT = re.compile(r"of length >= (\d+)")
_TOO_LONG = re.compile(r"of length <= (\d+)")
_TOO_LOW = re.compile(r"Expected `\w+`(?: \| \w+)? >= (-?[\d.]+)")
_TOO_HIGH = re.compile(r"Expected `\w+`(?: \| \w+)? <= (-?[\d.]+)")
_MULTIPLE = re.compile(r"that's a multiple of ([\d.]+)")
_EXPECTED = re.compile(r"Expected `(\w+)")
_PATTERN = re.compile(r"matching regex (.+)")


def too_long(limit: int | str) -> str:
    """For a text or an array of more than `limit` characters or items."""
    return f"길이는 {limit} 이하여야 합니다"


def text(error: msgspec.ValidationError, target: Any) -> str:
    """The text for an error at a value of type `target`; our own types raise Korean texts."""
    message = str(error).split(" - at `$")[0]
    if message.startswith("Invalid enum value"):
        return f"다음 중 하나여야 합니다: {', '.join(_choices(target))}"
    if match := _TOO_SHORT.search(message):
        return "비어 있을 수 없습니다" if match[1] == "1" else f"길이는 {match[1]} 이상이어야 합니다"
    if match := _TOO_LONG.search(message):
        return too_long(match[1])
    if match := _PATTERN.search(message):
        return next((text for pattern, text in PATTERNS.items() if match[1] == repr(pattern)), MALFORMED)
    if message == "Integer value out of range" or message.endswith((f" {INT64_MAX}", f" {INT64_MIN}")):
        return TOO_LARGE
    if match := _TOO_LOW.match(message):
        return f"{match[1]} 이상이어야 합니다"
    if match := _TOO_HIGH.match(message):
        return f"{match[1]} 이하여야 합니다"
    if match := _MULTIPLE.search(message):
        return f"{match[1]}의 배수여야 합니다"
    if "date" in message.casefold():
        return TYPES["datetime" if "datetime" in message or "RFC3339 encoded datetime" in message else "date"]
    if match := _EXPECTED.match(message):
        return TYPES.get(match[1], MALFORMED)
    if message.startswith(("Expected", "Invalid", "Object")):
        return MALFORMED
    return message


def _choices(target: Any) -> list[str]:
    if isinstance(target, type) and issubclass(target, Enum):
        return [str(member.value) for member in target]
    if get_origin(target) is Literal:
        return [str(value) for value in get_args(target)]
    return []
