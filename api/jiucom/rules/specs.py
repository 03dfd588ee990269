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
# "400 x 180 mm" and "120mm x 3" are no lengths.
_PRODUCT = re.compile(r"[0-9]\s*(?:cm|mm)?\s*[x×*]\s*[0-9]", re.IGNORECASE)
# Said of nothing, as in "360 및 280mm" and unlike "3열 (360mm)".
_BARE_NUMBER = re.compile(rf"{_NUMBER}(?!\s*(?:cm|mm)|[\w.])", re.IGNORECASE)
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
_RANGE = re.compile(r"[~～]")

_BOARD_SIZE = re.compile(
    r"(?<![A-Z])(?:(?P<micro>MICRO|마이크로|M|U|Μ)|(?P<extended>EXTENDED|XL|E))?[\s_-]?ATX|(?P<mini>ITX)"
)
# By the group that names them, from the smallest to the largest.
_BOARD_SIZES = {"mini": "Mini-ITX", "micro": "Micro-ATX", None: "ATX", "extended": "E-ATX"}
_BOARD_RANK = {size: rank for rank, size in enumerate(_BOARD_SIZES.values())}


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
    """A length in millimetres, the longest one where several are given: 160, "33.6cm", "최대 360/240mm"."""
    value = text(specs, *keys)
    if _PRODUCT.search(value):
        return None
    found, factor = [], 1
    # From the end: "30/33.6cm" says its unit once.
    for entry in reversed([entry for part in _entries(value) for entry in _RANGE.split(part) if entry.strip()]):
        lengths = [(float(number), 10 if unit == "CM" else 1) for number, unit in _LENGTH.findall(entry)]
        plain = None if lengths else _plain_number(entry)
        if plain is not None:
            lengths = [(plain, factor)]
        elif not lengths or _BARE_NUMBER.search(entry):
            return None
        factor = lengths[0][1]
        found += [number * unit for number, unit in lengths]
    return max(found, default=None)


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
    """Sizes of motherboards: "M-ATX", "ATX Mid Tower", "E-ATX/ATX/Micro-ATX", "ITX ~ ATX" (with what is between)."""
    sizes: set[str] = set()
    for entry in _entries(text(specs, *keys)):
        ends = [end for end in _RANGE.split(entry) if end.strip()]
        named = [{_BOARD_SIZES[found.lastgroup] for found in _BOARD_SIZE.finditer(end)} for end in ends]
        if not all(named):
            return frozenset()
        sizes.update(*named)
        if len(named) > 1:
            ranks = [_BOARD_RANK[size] for size in set().union(*named)]
            sizes.update(size for size, rank in _BOARD_RANK.items() if min(ranks) <= rank <= max(ranks))
    return frozenset(sizes)


def board_fits(board: frozenset[str], case: frozenset[str]) -> bool:
    """Whether a case for boards of these sizes takes the board: a case takes what is smaller, too.

    A board that names several sizes is taken for the smallest: what is not clear is no reason to warn.
    """
    return min(_BOARD_RANK[size] for size in board) <= max(_BOARD_RANK[size] for size in case)


def _plain_number(value: str) -> float | None:
    """The number of a text that ends with it: "120", "최대 360", but not "3열"."""
    found = _PLAIN_NUMBER.fullmatch(value)
    return float(found[1]) if found else None


def _entries(value: str) -> list[str]:
    return [entry.strip() for entry in _SEPARATOR.split(value.upper()) if entry.strip()]


def _digits(number: str) -> list[str]:
    return ["".join(digits) for digits in product(*("0123456789" if char == "X" else char for char in number))]
