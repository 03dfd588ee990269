"""Which version of a service can take over the data of which: a table of release lines, or numbers alone (A2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def numbers(version: str) -> tuple[int, ...]:
    """Turn `9.7.4-1` into (9, 7, 4)."""
    return tuple(int(n) for n in re.findall(r"\d+", str(version).partition("-")[0])[:3])


def same_line(one: str, other: str, parts: int) -> bool:
    """Whether two versions agree in their first `parts` numbers; a version without as many numbers agrees with none."""
    first, second = numbers(one)[:parts], numbers(other)[:parts]
    return len(first) == parts and first == second


def line_fault(old: str, new: str, lines: Mapping[str, Mapping[str, Any]]) -> str:
    """Say why `new` cannot take over the data of `old` by a table of release lines, such as 8.0; empty when it can."""
    before, after = numbers(old), numbers(new)
    from_line, to_line = (".".join(map(str, version[:2])) for version in (before, after))
    if from_line == to_line:
        oldest = numbers(lines.get(from_line, {}).get("oldest", "0.0.0"))
        if after < before and after < oldest:
            return f"older servers than {'.'.join(map(str, oldest))} cannot read it"
        return ""
    if after < before:
        return "a newer line's data cannot be taken back"
    allowed = lines.get(from_line, {}).get("next", [])
    if to_line in allowed or (from_line not in lines and before[0] == after[0]):
        return ""
    return f"from {from_line} the next line is {' or '.join(allowed) or 'unknown'}"


def line_stops(start: str, end: str, lines: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the lines of the shortest way from one line to another, the first one left out; empty where there is no way."""
    ways = [[start]]
    for way in ways:
        if way[-1] == end:
            return way[1:]
        ways += [[*way, line] for line in lines.get(way[-1], {}).get("next", []) if line not in way]
    return []


def stops(old: str, new: str, lines: Mapping[str, Mapping[str, Any]] | None = None) -> list[str]:
    """Return the release lines at which an upgrade has to stop, the last one included; empty within a line.

    `lines` is the service's own table; without it each major version is a stop.
    """
    before, after = numbers(old), numbers(new)
    if not before or not after:
        return []
    if lines:
        return line_stops(".".join(map(str, before[:2])), ".".join(map(str, after[:2])), lines)
    return [str(major) for major in range(before[0] + 1, after[0] + 1)]


def version_fault(old: str, new: str, lines: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Say why version `new` of a service cannot take over the data of `old`; empty when it can, or when one is unknown.

    `lines` is the service's own table of upgrades; without it the next major version can, and an older version cannot.
    """
    if not numbers(old) or not numbers(new):
        return ""
    if lines:
        return line_fault(old, new, lines)
    before, after = numbers(old)[:2], numbers(new)[:2]
    if after < before:
        return "an older version cannot read it"
    if after[0] > before[0] + 1:
        return f"upgrade to {before[0] + 1} first"
    return ""
