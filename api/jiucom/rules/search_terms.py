"""What a person means by the words of a search: a plan that query modules turn into SQL.

The full-text indexes hold pairs of characters. So a plan asks them for a run of two or more letters and digits, which
gives candidates, and has every candidate checked for all that was typed, as substring. A word of one character is not
in the index: it only takes part in the check.
"""

import re
import unicodedata
from dataclasses import dataclass

# Beyond any real search; each term is one more check of every candidate.
MAX_TERMS = 10

_RUN = re.compile(r"\w{2,}")

# Words for the same thing. Catalogues write one and people type the other; categories stand under their codes.
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


@dataclass(frozen=True, slots=True)
class Plan:
    """A search, understood. Without terms it asks for nothing, which means everything."""

    phrase: str
    terms: tuple[Term, ...]

    @property
    def boolean(self) -> str | None:
        """The candidates, in the syntax of MySQL's boolean mode. None when no word is in the index.

        One run is asked for, the one that says most: the index takes longer to join the rows of two runs than the check
        takes for the rows of one. Words with synonyms are many and frequent, so they are asked for last.
        """
        plain = [run for term in self.terms if not term.synonyms for run in _RUN.findall(term.text)]
        if plain:
            return f'+"{max(plain, key=_weight)}"'
        known = next((term for term in self.terms if term.synonyms and _RUN.search(term.text)), None)
        return _either((known.text, *known.synonyms)) if known else None

    @property
    def boolean_synonyms(self) -> str | None:
        """Where `boolean` is None: the candidates that synonyms give ("램" is also RAM)."""
        known = next((term for term in self.terms if term.synonyms), None)
        return _either(known.synonyms) if known else None


def plan(query: str) -> Plan:
    """Understand a query: normalised to NFC, split at blanks, nothing in it an operator."""
    words = unicodedata.normalize("NFC", query).casefold().split()[:MAX_TERMS]
    terms = dict.fromkeys(Term(word, _SYNONYMS.get(word, ())) for word in words)
    return Plan(" ".join(words), tuple(terms))


def like(text: str) -> str:
    """The text as it stands inside a LIKE pattern."""
    return re.sub(r"([\\%_])", r"\\\1", text)


def _weight(run: str) -> tuple[int, int]:
    """Long runs are rarer, and so are model numbers."""
    return len(run) + sum(char.isdigit() for char in run), len(run)


def _either(alternatives: tuple[str, ...]) -> str:
    """Boolean mode for any of the alternatives."""
    runs = [max(runs, key=_weight) for alternative in alternatives if (runs := _RUN.findall(alternative))]
    return " ".join(f'"{run}"' for run in runs)
