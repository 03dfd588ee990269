"""Turns the text of a search into a plan, which query modules turn into SQL.

The full-text indexes hold pairs of characters. A plan asks them for pairs from the text, which gives candidates, and then
checks that every candidate contains all words as substrings. A word of one character is not in the index: it only takes
part in the check. Where it is the only word, names that begin with it are found.

Catalogues write RTX 4090, RTX-4090 and RTX4090, and people type each of them: a hyphen counts as a blank, and between
letters and a number there may be a blank or none.

Only pairs are asked for, never longer words: for those the index reads and splits every row that has the pairs, to see
whether they stand side by side. With 200,000 parts "ssd" takes 0.2 s, "ss" 0.02 s, and both find the same rows.
"""

import re
import unicodedata
from dataclasses import dataclass

# No real search has more; each term is one more check of every candidate.
MAX_TERMS = 10

_RUN = re.compile(r"\w{2,}")

_HYPHENS = re.compile("[-\u2010-\u2015\u2212]+")
# Three digits or more: "4090ti" is two words, "32gb" and "7800x3d" are one.
_SEAM = re.compile(r"(?<=[a-z]{2})(?=[0-9]{3})|(?<=[0-9]{3})(?=[a-z]{2})")
# Invisible characters of web pages, copied along with the text.
_UNSEEN = dict.fromkeys([0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2060, 0x206A), 0xFEFF])

# Synonyms: catalogues write one, people type the other. Categories are written as their codes.
_SAME = (
    ("cpu", "시피유", "프로세서"),
    ("gpu", "그래픽카드", "글카", "vga"),
    ("ram", "램", "메모리"),
    ("motherboard", "메인보드", "마더보드"),
    ("hdd", "하드디스크", "하드"),
    ("power_supply", "파워서플라이", "파워", "psu"),
    ("case", "케이스"),
    ("cooler", "쿨러"),
    ("monitor", "모니터"),
    ("keyboard", "키보드"),
    ("mouse", "마우스"),
    ("samsung", "삼성전자", "삼성"),
    ("intel", "인텔"),
    ("amd", "암드"),
    ("nvidia", "엔비디아"),
    ("geforce", "지포스"),
    ("radeon", "라데온"),
    ("ryzen", "라이젠"),
    ("core", "코어"),
    ("asus", "에이수스", "아수스"),
    ("gigabyte", "기가바이트"),
    ("asrock", "애즈락"),
    ("g.skill", "지스킬"),
    ("corsair", "커세어"),
    ("kingston", "킹스톤"),
    ("hynix", "하이닉스"),
    ("western digital", "웨스턴디지털", "wd"),
    ("seasonic", "시소닉"),
    ("micronics", "마이크로닉스"),
    ("fractal", "프렉탈"),
    ("abko", "앱코"),
    ("lian li", "리안리"),
    ("noctua", "녹투아"),
    ("thermalright", "써멀라이트"),
    ("deepcool", "딥쿨"),
)
_SYNONYMS = {word: tuple(other for other in group if other != word) for group in _SAME for word in group}


@dataclass(frozen=True, slots=True)
class Term:
    """One word of a search: matches where `text` occurs anywhere, or one of `synonyms` as a whole word."""

    text: str
    synonyms: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        """LIKE patterns of the text: for a hyphen stands any character, or none."""
        pattern = like(self.text)
        return (pattern.replace("-", "_"), pattern.replace("-", "")) if "-" in pattern[1:] else (pattern,)


@dataclass(frozen=True, slots=True)
class Plan:
    """A search. Without terms it finds everything."""

    phrase: str
    terms: tuple[Term, ...]

    @property
    def boolean(self) -> str | None:
        """The candidates, in the syntax of MySQL's boolean mode. None when no word is in the index.

        Only the two rarest words are asked for. Words with synonyms are frequent, and the rows of every synonym are read, so
        one of them is used only where there are neither two other words nor a model number.
        """
        if not self.terms:
            # Lists without a keyword: nothing to compute.
            return None
        plain = [run for term in self.terms if not term.synonyms for run in _RUN.findall(term.text)]
        first, second = [*sorted(dict.fromkeys(plain), key=_weight, reverse=True), "", ""][:2]
        asked = [f'+"{pair}"' for pair in dict.fromkeys(_pairs(first) + _pairs(second)[:1])]
        known = next((term for term in self.terms if term.synonyms and _RUN.search(term.text)), None)
        if known is not None and not second and not _is_mixed(first):
            either = _either((known.text, *known.synonyms))
            asked.append(f"+({either})" if asked else either)
        return " ".join(asked) or None

    @property
    def boolean_synonyms(self) -> str | None:
        """Where `boolean` is None: the candidates by synonyms ("램" is also RAM)."""
        known = next((term for term in self.terms if term.synonyms), None)
        return _either(known.synonyms) if known else None

    @property
    def complete(self) -> bool:
        """Whether the index finds all matching rows: not where a synonym has one character."""
        return self.boolean is not None and all(_RUN.search(word) for term in self.terms for word in term.synonyms)


def plan(query: str) -> Plan:
    """The plan for a text: in NFC, split into words. No character of it is an operator."""
    typed = unicodedata.normalize("NFC", query).translate(_UNSEEN).casefold().split()
    words = [word for each in typed for word in _words(each)][:MAX_TERMS]
    terms = dict.fromkeys(Term(word, _SYNONYMS.get(word, ())) for word in words)
    return Plan(" ".join(words), tuple(terms))


def like(text: str) -> str:
    """The text, escaped for a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _words(typed: str) -> list[str]:
    """The words of a text without blanks. A single letter is not split off: "m-atx" is one word."""
    pieces = [piece for piece in _HYPHENS.split(typed) if piece]
    if not all(len(piece) > 1 for piece in pieces):
        return ["-".join(pieces)]
    return [word for piece in pieces for word in _SEAM.split(piece)] or [typed]


def _weight(run: str) -> tuple[bool, int, int]:
    """Sorts by rarity: model numbers are rare, digits rarer than letters, long runs rarer than short ones."""
    return _is_mixed(run), len(run) + sum(char.isdigit() for char in run), len(run)


def _is_mixed(run: str) -> bool:
    """With letters and digits."""
    return any(char.isdigit() for char in run) and not run.isdigit()


def _pairs(run: str) -> list[str]:
    """The rarest pairs of a run: the first and the last one, of those with a letter and a digit if there are any."""
    every = range(len(run) - 1)
    known = [n for n in every if run[n].isdigit() != run[n + 1].isdigit()] or list(every)
    # Each pair costs reading its list of rows. Overlapping pairs have nearly the same rows, unless they are digits or syllables.
    apart = len(known) > 1 and (known[-1] - known[0] > 1 or run.isdigit() or not run.isascii())
    return [run[n : n + 2] for n in ((known[0], known[-1]) if apart else known[:1])]


def _either(alternatives: tuple[str, ...]) -> str:
    """Boolean mode for any of the alternatives, by one pair each: joining several pairs inside an OR is slow."""
    runs = [max(runs, key=_weight) for alternative in alternatives if (runs := _RUN.findall(alternative))]
    return " ".join(f'"{pair}"' for pair in dict.fromkeys(_pairs(run)[0] for run in runs))
