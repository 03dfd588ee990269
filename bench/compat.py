"""How spellings of shops are read (`make bench-compat`): compat.tsv has the meaning of each spelling.

A spelling that is not read only means a missing check. One that is read wrongly may cause a false error, and fails the run.
So does a look at a build that costs too much.
"""

import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from msgspec import Raw

from bench.load import Aims
from bench.platform import save, show
from jiucom.domains.builds import compatible
from jiucom.domains.builds.schemas import BuildLine
from jiucom.domains.parts.schemas import PartCategory
from jiucom.encoding import encode
from jiucom.rules import boards, facts, specs
from jiucom.seed.catalogue import PARTS

# Looks in a round, and what one of them may cost (µs).
_LOOKS = 2000
_AIM = 30

_TABLE = Path(__file__).with_name("compat.tsv")


@dataclass(frozen=True)
class Spelling:
    """A value of a specification, what it means, and what was read: sets of names or of one number, empty for nothing."""

    reader: str
    text: str
    meaning: frozenset[str]
    found: frozenset[str]

    @property
    def verdict(self) -> str:
        """Whether it was understood; that nothing was read is right where nothing certain is said."""
        if self.found == self.meaning:
            return "read"
        return "contradictory" if self.found else "unread"


def spellings() -> Iterator[Spelling]:
    """The rows of the table, each read."""
    for line in _TABLE.read_text().splitlines():
        if line and not line.startswith("#"):
            reader, text, meaning = line.split("\t")
            value = json.loads(text) if text.startswith("[") and text.endswith('"]') else text
            yield Spelling(reader, text, _names(meaning), _READERS[reader](value))


def _names(meaning: str) -> frozenset[str]:
    if meaning == "-":
        return frozenset()
    names = meaning.rstrip("!?").split("|")
    known = {"".join(each) for name in names for each in product(*_choices(name))}
    return frozenset(known | set(meaning[-1:]) if meaning[-1] in "!?" else known)


def _choices(name: str) -> Iterator[str]:
    numbered = name.startswith("LGA")
    return ("0123456789" if char == "X" and numbered else char for char in name)


def _numbered(read: Callable[..., float | None]) -> Callable[[Any], frozenset[str]]:
    def found(value: Any) -> frozenset[str]:
        number = read({"value": value}, "value")
        return frozenset() if number is None else frozenset({f"{number:g}"})

    return found


def _case(value: Any) -> frozenset[str]:
    found = boards.case_sizes(specs.text({"value": value}, "value"))
    return found.sizes | {"!" if found.certain else "?"} if found.sizes else frozenset()


def _modules(value: Any) -> frozenset[str]:
    sticks = facts.read("RAM", {"modules": value}).sticks
    return frozenset() if sticks is None else frozenset({str(sticks)})


_READERS: dict[str, Callable[[Any], frozenset[str]]] = {
    "socket": lambda value: specs.sockets({"value": value}, "value"),
    "memory": lambda value: specs.memory_generations({"value": value}, "value"),
    "board": lambda value: specs.board_sizes({"value": value}, "value"),
    "case": _case,
    "count": _numbered(specs.count),
    "sticks": _numbered(specs.sticks),
    "modules": _modules,
    "watts": _numbered(specs.watts),
    "length": _numbered(specs.millimetres),
    "radiator": _numbered(specs.radiator),
    "m2": lambda value: frozenset({"yes" if specs.is_m2({"value": value}, "value") else "no"}),
}


def cost(*, first: bool = False) -> float:
    """CPU time of the rules for one look at a build of eight parts (µs): the median of seven rounds.

    `first`: of a look at parts that the process has not read yet.
    """
    chosen = [PARTS[n - 1] for n in (1, 7, 11, 15, 18, 21, 24, 27)]
    lines = [
        BuildLine(n, n, part.name, PartCategory(part.category), "", None, Raw(encode(part.specs)), 1, None, None)
        for n, part in enumerate(chosen)
    ]
    rounds = []
    for _ in range(7):
        begun = time.process_time()
        for _ in range(_LOOKS):
            if first:
                compatible.facts_of.cache_clear()
            compatible.of_lines(lines)
        rounds.append((time.process_time() - begun) / _LOOKS * 1e6)
    return statistics.median(rounds)


def main() -> int:
    """Print and save what was read; 1 when a spelling was read as something else, or a look costs too much."""
    table = list(spellings())
    counts = Counter((each.reader, each.verdict) for each in table)
    verdicts = ("read", "unread", "contradictory")
    rows = [{"reader": name} | {verdict: counts[name, verdict] for verdict in verdicts} for name in _READERS]
    rows.append({"reader": "all"} | {verdict: sum(each.verdict == verdict for each in table) for verdict in verdicts})
    show("spellings", rows)
    for each in table:
        if each.verdict != "read":
            print(
                f"{each.verdict}: {each.reader} {each.text!r} means {sorted(each.meaning)}, read {sorted(each.found)}"
            )
    spent, first = cost(), cost(first=True)
    show("a look at a build of eight parts", [{"µs": round(spent, 1), "of parts not read yet": round(first, 1)}])
    aims = Aims()
    aims.check("contradictory spellings", sum(each.verdict == "contradictory" for each in table), most=0)
    aims.check("a look (µs)", spent, most=_AIM)
    save("compat", {"spellings": rows, "µs": spent, "first µs": first, "missed": aims.missed})
    return int(bool(aims.missed))


if __name__ == "__main__":
    sys.exit(main())
