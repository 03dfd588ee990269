"""Sizes of motherboards as shops write them, and of the cases for them: "M-ATX (24.4x24.4cm)", "ITX ~ E-ATX", "ATX Mid Tower"."""

import re
from dataclasses import dataclass

# From the smallest to the largest; a case takes what is smaller, too.
SIZES = ("Mini-ITX", "Micro-ATX", "ATX", "E-ATX")
_RANK = {size: rank for rank, size in enumerate(SIZES)}

_GAP = r"[\s_-]*"
_SIZE = re.compile(
    rf"(?P<unknown>(?:MINI|미니){_GAP}ATX|(?:NANO|PICO|MOBILE|나노|피코){_GAP}ITX|DTX|STX|HPTX|BTX|WTX|NLX)"
    rf"|(?<![A-Z])(?P<extended>(?:(?:EXTENDED|확장형?|XL|E){_GAP}ATX|(?:SSI{_GAP})?EEB))(?![A-Z])"
    rf"|(?<![A-Z])(?P<micro>(?:MICRO|마이크로|FLEX|M|U|Μ){_GAP}ATX)(?![A-Z])"
    rf"|(?P<mini>ITX)(?![A-Z])"
    rf"|(?<![A-Z])(?P<full>ATX|(?:SSI{_GAP})?CEB)(?![A-Z])"
)
_BY_GROUP = {"mini": "Mini-ITX", "micro": "Micro-ATX", "full": "ATX", "extended": "E-ATX"}

_SEPARATOR = re.compile(r"[/,|·;+&、]")
_RANGE = re.compile(r"[~～∼]")
_COMMENT = re.compile(r"\(([^()]*)\)")
_DENIED = re.compile(r"미지원|불가|제외|비호환|NOT\b|UNSUPPORTED|EXCEPT|[:：]\s*X(?![A-Z])")
# Kinds of cases: they give the size of the case, not the boards that fit.
_KIND = re.compile(
    r"TOWER|타워|DESKTOP|데스크[탑톱]|CUBE|큐브|HTPC|BENCH|벤치|OPEN|오픈|SLIM|슬림|RACK|랙|CASE|케이스|MIDI?\b|미들|빅"
)
_LIMIT = re.compile(r"최대|까지|이하|UP TO|MAX")


@dataclass(frozen=True, slots=True)
class CaseSizes:
    """The boards that a case takes; not `certain` where only its own kind is named after one."""

    sizes: frozenset[str]
    certain: bool


def board_sizes(text: str) -> frozenset[str]:
    """The sizes that a text names, with those between the ends of a range; none when one of them cannot be read."""
    text = _COMMENT.sub(lambda found: found[0] if _SIZE.search(found[1]) else " ", text.upper())
    if _DENIED.search(text):
        return frozenset()
    sizes: set[str] = set()
    for entry in filter(str.strip, _SEPARATOR.split(text)):
        ends = [_named(end) for end in _RANGE.split(entry) if end.strip()]
        if not all(ends):
            return frozenset()
        named = set().union(*ends)
        if len(ends) > 1:
            ranks = [_RANK[size] for size in named]
            named.update(SIZES[min(ranks) : max(ranks) + 1])
        sizes |= named
    return frozenset(sizes)


def case_sizes(text: str) -> CaseSizes:
    """The boards that a text says a case takes."""
    sizes, upper = board_sizes(text), text.upper()
    if _LIMIT.search(upper) or _RANGE.search(upper):
        return CaseSizes(sizes, True)
    # E-ATX is not one size: many ATX cases take some E-ATX boards.
    return CaseSizes(sizes, not _KIND.search(upper) and sizes != {"ATX"})


def fits_case(board: frozenset[str], case: frozenset[str]) -> bool:
    """Whether a case for boards of these sizes takes the board.

    A board that names several sizes is taken for the smallest: unclear values give no warning.
    """
    return min(_RANK[size] for size in board) <= max(_RANK[size] for size in case)


def _named(text: str) -> set[str]:
    groups = [str(found.lastgroup) for found in _SIZE.finditer(text)]
    return set() if "unknown" in groups else {_BY_GROUP[group] for group in groups}
