"""Names of processor sockets as shops write them: "LGA 1700/1851", "AMD(소켓AM5)", "LGA2011-3", "AM3+", "LGA115x".

A revision is another socket: a processor for 1151v2 does not start in a board for 1151. A text with an unknown word is not
read at all: the unknown word may be the socket that matters.
"""

import re
from itertools import product

# Numbers that are sockets even without "LGA" before them.
_LGA = frozenset(
    map(str, (771, 775, 1150, 1151, 1155, 1156, 1200, 1366, 1567, 1700, 1851, 2011, 2066, 3647, 4189, 4677))
)
_PGA = frozenset(map(str, (370, 462, 478, 754, 939, 940)))

# AM3(+) stands for AM3 and AM3+; in "AM4+LGA1700" the sign is a separator.
_SERIES = r"[1-9](?:\(\+\)|\+(?![0-9A-Z]))?"
_TOKEN = re.compile(
    rf"(?<![A-Z])(?P<family>AM|FM)[\s-]?(?P<series>{_SERIES}(?:\s*[/,]\s*{_SERIES}(?![0-9A-Z.]))*)(?![0-9A-Z])"
    r"|(?<![A-Z])(?P<large>(?:S?TRX|S?TR|S?WRX|SP)[\s-]?[0-9]|G34|C32)(?![0-9A-Z])"
    r"|(?:(?<![A-Z])(?:FC)?(?P<lga>LGA)[\s-]*|(?<![0-9A-Z.]))(?P<number>[0-9]{3,4}|[0-9]{2,3}X|[0-9]{2}XX)(?![0-9X])"
    r"(?:[\s-]*(?:V|VER\.?|REV\.?)\s*(?P<revision>[0-9])|-(?P<suffix>[0-9]))?(?![0-9A-Z])"
)
# The boards of the eighth and ninth generation have the second revision.
_SECOND_1151 = re.compile(r"(1151)\s*\(\s*300\s*(?:SERIES|시리즈)\s*\)")
_COMMENT = re.compile(r"\(([^()]*)\)")
_WORDS = re.compile(
    r"INTEL|인텔|AMD|암드|RYZEN|라이젠|THREADRIPPER|스레드리퍼|EPYC|XEON|제온|SOCKETS?|소켓|CPU|NARROW|SQUARE|\bILM\b|FAMILY|지원|호환|전용|용|AND|및|OR|또는|\bFC\b|\b[1-9]\s*[X×](?=\s|$)"
)
_PUNCTUATION = re.compile(r"[\s/,|·;:+&()\[\]、-]*")

# Which processors a board takes besides those of its own name.
_ALSO_TAKES = {"AM3+": {"AM3"}, "FM2+": {"FM2"}, "AM2+": {"AM2", "AM3"}, "AM2": {"AM2+", "AM3"}}

# Sockets that coolers are mounted on in the same way.
_SAME_MOUNT = (
    (re.compile(r"LGA115.*|LGA1200"), "LGA115X"),
    (re.compile(r"LGA1700|LGA1851"), "LGA1700"),
    (re.compile(r"LGA2011.*|LGA2066"), "LGA2011"),
    (re.compile(r"AM[23]\+?|FM[12]\+?"), "AM3"),
    (re.compile(r"STRX?4|SP3|SWRX8"), "STR4"),
    (re.compile(r"STR5|SP6"), "STR5"),
)


def sockets(text: str) -> frozenset[str]:
    """The sockets that a text names, in one spelling each; none when something in it cannot be read."""
    text = _COMMENT.sub(_without_comment, _SECOND_1151.sub(r"\1V2", text.upper()))
    names: set[str] = set()
    after_lga = False
    for found in _TOKEN.finditer(text):
        if found["family"]:
            names |= _series(found["family"], found["series"])
        elif found["large"]:
            names.add(_large(found["large"]))
        else:
            # LGA1700/1851: the prefix carries over.
            after_lga = after_lga or found["lga"] is not None
            if not after_lga and found["number"] not in _LGA | _PGA and "X" not in found["number"]:
                return frozenset()
            names |= _numbered(found["number"], found["revision"] or found["suffix"])
    rest = _WORDS.sub(" ", _TOKEN.sub(" ", text))
    return frozenset(names) if _PUNCTUATION.fullmatch(rest) else frozenset()


def fits_board(processor: frozenset[str], board: frozenset[str]) -> bool:
    """Whether a board with one of these sockets takes the processor."""
    takes = board.union(*(_ALSO_TAKES.get(name, ()) for name in board))
    return not processor.isdisjoint(takes)


def mounts(names: frozenset[str]) -> frozenset[str]:
    """How a cooler is mounted on the sockets: one name for those that are alike."""
    return frozenset(next((mount for same, mount in _SAME_MOUNT if same.fullmatch(name)), name) for name in names)


def _without_comment(found: re.Match[str]) -> str:
    """The parentheses, where they name a socket or belong to one: "AMD(소켓AM5)", "AM3(+)"."""
    return found[0] if found[1].strip() == "+" or _TOKEN.search(found[1]) else " "


def _series(family: str, series: str) -> set[str]:
    names = set()
    for digit, plus in re.findall(r"([1-9])(\(\+\)|\+)?", series):
        if plus != "+":
            names.add(family + digit)
        if plus:
            names.add(f"{family}{digit}+")
    return names


def _large(name: str) -> str:
    name = re.sub(r"[\s-]", "", name)
    return f"S{name}" if name.startswith(("TR", "WRX")) else name


def _numbered(number: str, revision: str | None) -> set[str]:
    prefix = "PGA" if number in _PGA else "LGA"
    # LGA2011-0 is the first revision.
    suffix = f"-{revision}" if revision and revision not in "01" else ""
    # An X is any digit.
    choices = product(*("0123456789" if char == "X" else char for char in number))
    return {f"{prefix}{''.join(digits)}{suffix}" for digits in choices}
