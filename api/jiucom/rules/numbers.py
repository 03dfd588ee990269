"""Numbers with their units as shops write them: "최대 360mm", "1.2kW", "1x PCIe 5.0 x4 + 3x PCIe 4.0 x4", "32GB (16GBx2)"."""

import re

# No real value has more than seven digits; longer input could become infinite.
_NUMBER = r"(?<![0-9.])([0-9]{1,7}(?:\.[0-9]{1,3})?)"
_PLAIN = re.compile(rf"[^0-9]*{_NUMBER}\s*")
_COMMENT = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")

_SEPARATOR = re.compile(r"[/,|·;+&]")
_RANGE = re.compile(r"[~～∼]|(?<=[0-9m])\s*[-–]\s*(?=[0-9])", re.IGNORECASE)

_METRIC = re.compile(rf"{_NUMBER}\s*(cm|mm|센치|센티|밀리)", re.IGNORECASE)
_INCHES = re.compile(rf"{_NUMBER}\s*(?:inch(?:es)?|in\b|인치|\"|″)", re.IGNORECASE)
# "400 x 180 mm" and "120mm x 3" are no lengths.
_PRODUCT = re.compile(r"[0-9]\s*(?:cm|mm)?(?:\([A-Z]\))?\s*[x×*]\s*[0-9]", re.IGNORECASE)
# A bare number in a list, as in "360 및 280mm" (not "3열 (360mm)").
_BARE = re.compile(rf"{_NUMBER}(?!\s*(?:cm|mm|inch|in\b|인치|\"|″)|[\w.])", re.IGNORECASE)

_RADIATORS = (120.0, 140.0, 240.0, 280.0, 360.0, 420.0, 480.0, 560.0)

_POWER = re.compile(rf"{_NUMBER}\s*(kw|w|와트|킬로와트)", re.IGNORECASE)
# "125-253W": what a processor takes at its base clock, and at most.
_POWER_RANGE = re.compile(rf"{_NUMBER}\s*w?\s*[-–~～]\s*[0-9]{{1,4}}\s*(kw|w|와트)", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<![0-9,])([0-9]),([0-9]{3})(?![0-9,])")

# Names of slot types: the numbers in them are not counts.
_DESCRIPTION = re.compile(
    r"(?:pci-?e|pci express)\s*[0-9](?:\.[0-9])?(?:\s*x\s*[0-9]+)?|gen\s*[0-9](?:\s*x\s*[0-9]+)?|m\.?2(?![0-9])"
    r"|(?<![0-9])22(?:30|42|60|80|110)(?![0-9])|sata\s*[0-9]?",
    re.IGNORECASE,
)
_TERMS = re.compile(r"[+,;]")
# A count, in a text without another number.
_TERM = re.compile(r"(?:[^0-9]*[\s:x×*])?([0-9]{1,2})(?![0-9.]|\s*(?:[gt]b|mhz|mm|w\b))[^0-9]*", re.IGNORECASE)
_NONE = re.compile(r"\s*(?:없음|none|no)\s*", re.IGNORECASE)

_STICKS = re.compile(
    r"(?<![0-9.])[0-9]+\s*GB?\s*[x×*]\s*([0-9]{1,2})(?![0-9])"
    r"|(?<![0-9.])([0-9]{1,2})\s*(?:개|ea)?\s*[x×*]\s*[0-9]+\s*GB?"
    r"|(?<![0-9.])[0-9]+\s*GB?[\s()]*([0-9]{1,2})\s*(?:개|ea|pcs|장)",
    re.IGNORECASE,
)


def watts(text: str) -> float | None:
    """A power in watts: "120W", "1.2kW", "1,000W"; of a range the lower end."""
    text = _THOUSANDS.sub(r"\1\2", text)
    if found := _POWER_RANGE.search(text) or _POWER.search(text):
        return float(found[1]) * (1000 if found[2].lower() in ("kw", "킬로와트") else 1)
    return _plain(text)


def millimetres(text: str) -> float | None:
    """A length in millimetres, the longest one where several are given: "33.6cm", "최대 360/240mm"."""
    if _PRODUCT.search(text):
        return None
    if not _METRIC.search(text) and (inches := _INCHES.findall(text)):
        return None if _BARE.search(text) else max(map(float, inches)) * 25.4
    found, factor = [], 1
    entries = [entry for part in _SEPARATOR.split(_INCHES.sub(" ", text)) for entry in _RANGE.split(part)]
    # From the end: in "30/33.6cm" the unit stands once, at the end.
    for entry in filter(str.strip, reversed(entries)):
        lengths = [(float(number), 10 if unit[0] in "cC센" else 1) for number, unit in _METRIC.findall(entry)]
        plain = None if lengths else _plain(entry)
        if plain is not None:
            lengths = [(plain, factor)]
        elif not lengths or _BARE.search(entry):
            return None
        factor = lengths[0][1]
        found += [number * unit for number, unit in lengths]
    return max(found, default=None)


def radiator(text: str) -> float | None:
    """The size class of a radiator, or of the largest that a case takes, in millimetres: 360 for "360mm" and for "397mm",
    its length with the tanks."""
    length = millimetres(text)
    return None if length is None else max((size for size in _RADIATORS if size <= length), default=None)


def count(text: str) -> int | None:
    """A number of things: "4", "4개", "M.2 x 3"; terms are added up: "2+1", "1x PCIe 5.0 x4 + 3x PCIe 4.0 x4"."""
    if _NONE.fullmatch(text):
        return 0
    terms = [_TERM.fullmatch(term) for term in _TERMS.split(_DESCRIPTION.sub(" ", _COMMENT.sub(" ", text)))]
    numbers = [int(term[1]) for term in terms if term]
    return sum(numbers) if len(numbers) == len(terms) else None


def sticks(text: str) -> int | None:
    """How many memory modules a kit has: "32GB (16GBx2)", "2 x 16GB"; None when the text gives two different counts."""
    found = {int(next(filter(None, numbers))) for numbers in _STICKS.findall(text)}
    return found.pop() if len(found) == 1 else None


def _plain(text: str) -> float | None:
    """The number of a text that ends with it: "120", "최대 360", but not "3열"."""
    found = _PLAIN.fullmatch(text)
    return float(found[1]) if found else None
