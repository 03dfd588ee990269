"""Popularity scores."""

import pytest

from jiucom.rules.popularity import score


@pytest.mark.parametrize(
    ("category", "name", "price", "expected"),
    [
        ("CPU", "AMD Ryzen 7 7800X3D", 449_000, 40 + 20 + 10 + 15),
        ("CPU", "AMD Ryzen 5 7600", 199_000, 50 + 20 + 15),
        ("CPU", "intel core I7-14700k", 429_000, 40 + 20 + 10 + 15),
        ("GPU", "NVIDIA GeForce RTX 4090", 2_290_000, 10 + 20 + 10 + 15),
        ("GPU", "AMD Radeon RX 7900 XTX", 1_290_000, 40 + 20 + 10 + 15),
        ("GPU", "Matrox RX7", 300_000, 50 + 15),
        ("MOTHERBOARD", "ASRock B760M Pro RS/D4", 129_000, 50 + 20 + 10 + 5),
        ("RAM", "Samsung DDR5 16GB", 69_000, 50 + 20 + 10),
        ("SSD", "WD Black SN850X 1TB NVMe", 119_000, 50 + 20 + 10),
        ("POWER_SUPPLY", "마이크로닉스 Classic II 700W 80+ Bronze", 69_000, 50 + 20 + 10),
        ("CASE", "앱코 SUITMASTER H300 GLASS", 59_000, 50 + 20),
        ("COOLER", "NZXT Kraken 360 RGB", 249_000, 10 + 20),
        ("HDD", "Samsung 990", 100_000, 0),
        ("CPU", "AMD Ryzen 7 7800X3D", None, 20 + 10 + 15),
    ],
)
def test_score(category: str, name: str, price: int | None, expected: int) -> None:
    assert score(category, name, price) == expected


@pytest.mark.parametrize(
    ("price", "band"),
    [
        (0, 10),
        (49_999, 10),
        (50_000, 30),
        (149_999, 30),
        (150_000, 50),
        (400_000, 50),
        (400_001, 40),
        (1_000_000, 40),
        (1_000_001, 10),
    ],
)
def test_bands_include_both_ends(price: int, band: int) -> None:
    assert score("CPU", "-", price) == band + 15
