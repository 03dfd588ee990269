"""The popularity score of a part, from its category, price and name."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class _Scale:
    """How one category scores. Prices in KRW, both ends included; words count anywhere in the name, in any case."""

    middling: int  # from here: 30
    best: int  # from here: 50
    best_to: int
    dear_to: int  # above the best, up to here: 40
    brands: tuple[str, ...]
    generations: tuple[str, ...] = ()
    bonus: int = 0


_SCALES = {
    "CPU": _Scale(
        50_000,
        150_000,
        400_000,
        1_000_000,
        brands=("라이젠", "Ryzen", "코어", "Core"),
        generations=(
            *("7600X", "7800X", "7900X", "7950X", "9600X", "9700X", "9900X", "9950X"),
            *("13600", "13700", "13900", "14600", "14700", "14900"),
        ),
        bonus=15,
    ),
    "GPU": _Scale(
        150_000,
        300_000,
        700_000,
        1_500_000,
        # The blank keeps "RX " from matching inside other words.
        brands=("RTX", "RX ", "지포스", "라데온"),
        generations=("4060", "4070", "4080", "4090", "5060", "5070", "5080", "5090", "7600", "7700", "7800", "7900"),
        bonus=15,
    ),
    "MOTHERBOARD": _Scale(
        50_000,
        100_000,
        300_000,
        600_000,
        brands=("ASUS", "MSI", "기가바이트", "GIGABYTE", "ASRock"),
        generations=("B650", "B760", "X670", "Z790", "B850", "X870", "Z890"),
        bonus=5,
    ),
    "RAM": _Scale(
        20_000,
        50_000,
        150_000,
        300_000,
        brands=("삼성", "Samsung", "G.SKILL", "지스킬", "커세어", "CORSAIR", "킹스톤", "Kingston"),
        generations=("DDR5",),
    ),
    "SSD": _Scale(
        30_000,
        70_000,
        200_000,
        400_000,
        brands=("삼성", "Samsung", "SK하이닉스", "WD", "웨스턴디지털"),
        generations=("NVMe", "990", "980"),
    ),
    "POWER_SUPPLY": _Scale(
        30_000,
        60_000,
        150_000,
        300_000,
        brands=("시소닉", "Seasonic", "마이크로닉스", "슈퍼플라워", "FSP", "CORSAIR", "커세어"),
        generations=("80+", "80플러스", "Gold", "골드", "풀모듈러"),
    ),
    "CASE": _Scale(
        20_000,
        50_000,
        150_000,
        300_000,
        brands=("리안리", "LIAN LI", "NZXT", "프렉탈", "Fractal", "다크플래쉬", "앱코"),
    ),
    "COOLER": _Scale(
        15_000,
        30_000,
        100_000,
        200_000,
        brands=("녹투아", "Noctua", "써멀라이트", "Thermalright", "딥쿨", "DeepCool", "NZXT", "커세어"),
    ),
}


def score(category: str, name: str, lowest_price: int | None) -> int:
    """The score, 0 to 95. A category without a scale scores 0; a part without a price gets no points for the price."""
    scale = _SCALES.get(category)
    if scale is None:
        return 0
    brand = 20 if _names_any(name, scale.brands) else 0
    generation = 10 if _names_any(name, scale.generations) else 0
    return _band(scale, lowest_price) + brand + generation + scale.bonus


def _band(scale: _Scale, price: int | None) -> int:
    if price is None:
        return 0
    if scale.best <= price <= scale.best_to:
        return 50
    if scale.best_to < price <= scale.dear_to:
        return 40
    if scale.middling <= price < scale.best:
        return 30
    return 10


def _names_any(name: str, words: tuple[str, ...]) -> bool:
    folded = name.casefold()
    return any(word.casefold() in folded for word in words)
