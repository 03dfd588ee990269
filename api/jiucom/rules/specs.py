"""Reads values out of part specifications, which people type.

Every reader takes the specifications and the keys that may hold the value. It returns None or an empty set for what it cannot
read. The first key that can be read counts; if another key has a different value, the result is unknown too.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from jiucom.rules import boards, numbers
from jiucom.rules import sockets as socket_names

T = TypeVar("T")

Specs = Mapping[str, Any]

# No value of a data sheet is longer (characters). The expressions that read it may take quadratic time.
MAX_TEXT = 300

_MEMORY = re.compile(
    r"(?<![A-Z0-9])(?:(?:DDR|디디알)[\s-]?([1-9])(?![0-9])|PC([2-9])L?[\s-][0-9]{4,6}|D([3-9])(?![A-Z0-9]))"
)
_SOLDERED = re.compile(r"LPDDR|GDDR")
_M2 = re.compile(r"(?<![A-Z0-9])M\.?2(?![0-9])|(?<![0-9])22(?:30|42|60|80|110)(?![0-9])")
_OTHER_DRIVE = re.compile(r"2\.5|3\.5|MSATA|U\.[23]|HHHL|AIC\b|외장|EXTERNAL")


def text(specs: Specs, *keys: str) -> str:
    """The first of the keys that has a value, as text; a list reads like "AM5/LGA1700". Empty when none has."""
    return next((found for key in keys if (found := _text(specs.get(key)))), "")


def count(specs: Specs, *keys: str) -> int | None:
    """A number of things: 4, "4개", "2+1"."""
    return _number(specs, keys, numbers.count)


def watts(specs: Specs, *keys: str) -> float | None:
    """A power in watts: 120, "120W", "1.2kW"."""
    return _number(specs, keys, numbers.watts)


def millimetres(specs: Specs, *keys: str) -> float | None:
    """A length in millimetres, the longest one where several are given: 160, "33.6cm", "최대 360/240mm"."""
    return _number(specs, keys, numbers.millimetres)


def radiator(specs: Specs, *keys: str) -> float | None:
    """The size class of a radiator in millimetres: 360, "360mm", "3열 (360mm)"."""
    return _number(specs, keys, numbers.radiator)


def sticks(specs: Specs, *keys: str) -> int | None:
    """How many memory modules a kit has: "32GB (16GBx2)", "2 x 16GB"."""
    return _number(specs, keys, numbers.sticks)


def sockets(specs: Specs, *keys: str) -> frozenset[str]:
    """Socket names: "AM5/LGA1700", "AMD(소켓AM5)", "LGA115X" (an X is any digit)."""
    return _names(specs, keys, socket_names.sockets)


def memory_generations(specs: Specs, *keys: str) -> frozenset[str]:
    """Memory generations: "DDR5", "DDR5-5600", "DDR4/DDR5", "PC4-25600"."""
    return _names(specs, keys, _memory)


def board_sizes(specs: Specs, *keys: str) -> frozenset[str]:
    """Sizes of motherboards: "M-ATX", "E-ATX/ATX/Micro-ATX", "ITX ~ ATX" (with what is between)."""
    return _names(specs, keys, boards.board_sizes)


def is_m2(specs: Specs, *keys: str) -> bool:
    """Whether a drive takes an M.2 slot: "M.2 2280", "M.2(2280)"."""
    value = text(specs, *keys).upper()
    return bool(_M2.search(value)) and not _OTHER_DRIVE.search(value)


def _number(specs: Specs, keys: tuple[str, ...], read: Callable[[str], T | None]) -> T | None:
    found = [value for key in keys if (value := read(_text(specs.get(key)))) is not None]
    return found[0] if found and all(value == found[0] for value in found) else None


def _names(specs: Specs, keys: tuple[str, ...], read: Callable[[str], frozenset[str]]) -> frozenset[str]:
    found = [names for key in keys if (names := read(_text(specs.get(key))))]
    return found[0] if found and all(names & found[0] for names in found) else frozenset()


def _text(value: Any) -> str:
    if isinstance(value, list):
        value = "/".join(str(item) for item in value[:MAX_TEXT])
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    found = str(value).strip()
    return unicodedata.normalize("NFKC", found) if len(found) <= MAX_TEXT else ""


def _memory(value: str) -> frozenset[str]:
    value = value.upper()
    if _SOLDERED.search(value):
        return frozenset()
    return frozenset(f"DDR{next(filter(None, digits))}" for digits in _MEMORY.findall(value))
