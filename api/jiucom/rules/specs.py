"""Reads values out of part specifications, which people type: "120W", 120, "최대 360mm", "32GB (16GBx2)".

Every reader answers None, or an empty set, for what it cannot read: missing data is no statement about the part. For
the same reason a list with an entry that cannot be read is not read at all.
"""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

Specs = Mapping[str, Any]

# Seven digits are beyond every real value, and keep hostile ones from becoming infinite.
_NUMBER = r"(?<![0-9.])([0-9]{1,7}(?:\.[0-9]{1,3})?)"
_PLAIN_NUMBER = re.compile(rf"[^0-9]*{_NUMBER}\s*")
_LENGTH = re.compile(rf"{_NUMBER}\s*(cm|mm)", re.IGNORECASE)
_POWER = re.compile(rf"{_NUMBER}\s*(kw|w|와트)", re.IGNORECASE)
_COUNT = re.compile(r"[0-9]{1,3}(?![0-9.])")
_STICKS = re.compile(
    r"GB?\s*[x×*]\s*([0-9]{1,2})(?![0-9])|(?<![0-9])([0-9]{1,2})\s*[x×*]\s*[0-9]+\s*GB?", re.IGNORECASE
)
_MEMORY = re.compile(r"DDR[\s-]?([1-9])", re.IGNORECASE)
_SOCKET = re.compile(
    r"(LGA|AM|FM|STRX|STR|TR|SWRX|SP)[\s-]?([0-9]{1,4}X{0,2})(?![0-9])|(?<![0-9A-Z])([0-9]{3,4}X{0,2})(?![0-9A-Z])"
)
_SEPARATOR = re.compile(r"[/,|·;+&]")

# From the smallest board to the largest; the first pattern that fits names it.
_BOARD_SIZES = {
    "Mini-ITX": re.compile(r"ITX"),
    "Micro-ATX": re.compile(r"(?<![A-Z])(MICRO|마이크로|M|U|Μ)[\s_-]?ATX"),
    "E-ATX": re.compile(r"(?<![A-Z])(EXTENDED|XL|E)[\s_-]?ATX"),
    "ATX": re.compile(r"(?<![A-Z])ATX"),
}
_BOARD_RANK = {"Mini-ITX": 1, "Micro-ATX": 2, "ATX": 3, "E-ATX": 4}


def text(specs: Specs, *keys: str) -> str:
    """The first of the keys that has a value, as text; a list reads like "AM5/LGA1700". Empty when none has."""
    for key in keys:
        value = specs.get(key)
        if isinstance(value, list):
            value = "/".join(str(item) for item in value)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            # Thousands are written with a comma: "1,000W".
            return re.sub(r"(?<=[0-9]),(?=[0-9]{3})", "", str(value).strip())
    return ""


def count(specs: Specs, *keys: str) -> int | None:
    """A number of things: 4, "4", "4개"."""
    found = _COUNT.match(text(specs, *keys))
    return int(found[0]) if found else None


def watts(specs: Specs, *keys: str) -> float | None:
    """A power in watts: 120, "120W", "1.2kW"."""
    value = text(specs, *keys)
    if found := _POWER.search(value):
        return float(found[1]) * (1000 if found[2].lower() == "kw" else 1)
    return _plain_number(value)


def millimetres(specs: Specs, *keys: str) -> float | None:
    """A length in millimetres, the longest one where several are given: 160, "33.6cm", "최대 240/360mm"."""
    value = text(specs, *keys)
    lengths = [float(number) * (10 if unit.lower() == "cm" else 1) for number, unit in _LENGTH.findall(value)]
    return max(lengths, default=_plain_number(value))


def sticks(specs: Specs, *keys: str) -> int | None:
    """How many memory modules a kit has: "32GB (16GBx2)", "2 x 16GB"."""
    found = _STICKS.search(text(specs, *keys))
    return int(found[1] or found[2]) if found else None


def sockets(specs: Specs, *keys: str) -> frozenset[str]:
    """Socket names: "AM5/LGA1700", "LGA 1700/1851" (the prefix carries over), "LGA115X" (an X is any digit)."""
    names: set[str] = set()
    prefix = ""
    for entry in _entries(re.sub(r"\([^)]*\)", "", text(specs, *keys))):
        found = _SOCKET.findall(entry)
        if not found or (not found[0][0] and prefix != "LGA"):
            return frozenset()
        for own_prefix, number, bare in found:
            prefix = own_prefix or prefix
            names.update(prefix + digits for digits in _digits(number or bare))
    return frozenset(names)


def memory_generations(specs: Specs, *keys: str) -> frozenset[str]:
    """Memory generations: "DDR5", "DDR5-5600", "DDR4/DDR5"."""
    return frozenset(f"DDR{digit}" for digit in _MEMORY.findall(text(specs, *keys)))


def board_sizes(specs: Specs, *keys: str) -> frozenset[str]:
    """Sizes of motherboards: "M-ATX", "ATX Mid Tower", "E-ATX/ATX/Micro-ATX"."""
    sizes = set()
    for entry in _entries(text(specs, *keys)):
        name = next((name for name, pattern in _BOARD_SIZES.items() if pattern.search(entry)), None)
        if name is None:
            return frozenset()
        sizes.add(name)
    return frozenset(sizes)


def board_fits(board: frozenset[str], case: frozenset[str]) -> bool:
    """Whether a case for boards of these sizes takes the board: a case takes what is smaller, too."""
    return max(_BOARD_RANK[size] for size in board) <= max(_BOARD_RANK[size] for size in case)


def _plain_number(value: str) -> float | None:
    """The number of a text that ends with it: "120", "최대 360", but not "3열"."""
    found = _PLAIN_NUMBER.fullmatch(value)
    return float(found[1]) if found else None


def _entries(value: str) -> list[str]:
    return [entry.strip() for entry in _SEPARATOR.split(value.upper()) if entry.strip()]


def _digits(number: str) -> list[str]:
    return ["".join(digits) for digits in product(*("0123456789" if char == "X" else char for char in number))]
