"""Rules of builds, contract 4.3: each speaks when it must, and is silent without data."""

from collections.abc import Callable
from typing import Any

import pytest

from jiucom.db.seed.catalogue import PARTS
from jiucom.db.seed.demo import DEMO
from jiucom.rules import compatibility as rules
from jiucom.rules.compatibility import Line, Severity

_ids = iter(range(1, 10_000))


def line(category: str, quantity: int = 1, **specs: Any) -> Line:
    return Line(next(_ids), f"{category} 부품", category, specs, quantity)


@pytest.mark.parametrize(
    ("rule", "bad", "good"),
    [
        (
            rules.cpu_socket,
            [line("CPU", socket="AM5"), line("MOTHERBOARD", socket="LGA1700")],
            [line("CPU", socket="am5"), line("MOTHERBOARD", socket="AM5")],
        ),
        (
            rules.memory_generation,
            [line("RAM", speed="DDR4-3200"), line("MOTHERBOARD", memoryType="DDR5")],
            [line("RAM", type="DDR5"), line("MOTHERBOARD", memoryType="DDR4/DDR5")],
        ),
        (
            rules.gpu_length,
            [line("GPU", length="33.6cm"), line("CASE", maxGpuLength="최대 330mm")],
            [line("GPU", length="330mm"), line("CASE", maxGpuLength=330)],
        ),
        (
            rules.cooler_height,
            [line("COOLER", height="166mm"), line("CASE", maxCoolerHeight="165mm")],
            [line("COOLER", height="165mm"), line("CASE", maxCoolerHeight="최대 165mm")],
        ),
        (
            rules.power,
            [line("CPU", tdp="120W"), line("GPU", tdp=450), line("POWER_SUPPLY", wattage="700W")],
            [line("CPU", tdp="120W"), line("GPU", tdp=440), line("POWER_SUPPLY", wattage=700)],
        ),
        (
            rules.board_size,
            [line("MOTHERBOARD", formFactor="ATX"), line("CASE", formFactor="Micro-ATX Mini Tower")],
            [line("MOTHERBOARD", formFactor="Micro-ATX"), line("CASE", formFactor="ATX Mid Tower")],
        ),
        (
            rules.m2_slots,
            [line("SSD", 2, formFactor="M.2 2280"), line("SSD", formFactor="m.2 2280"), line("MOTHERBOARD", m2Slots=2)],
            [
                line("SSD", 2, formFactor="M.2 2280"),
                line("SSD", 4, formFactor="2.5"),
                line("MOTHERBOARD", m2Slots="2개"),
            ],
        ),
        (
            rules.memory_slots,
            [
                line("RAM", 2, capacity="32GB (16GBx2)"),
                line("RAM", modules="8GBx2"),
                line("MOTHERBOARD", memorySlots=4),
            ],
            [line("RAM", 2, capacity=32, modules="16GBx2"), line("MOTHERBOARD", memorySlots=4)],
        ),
        (
            rules.cooler_socket,
            [line("COOLER", socket="AM4/LGA1700"), line("CPU", socket="AM5")],
            [line("COOLER", socket="AM5/LGA1700"), line("CPU", socket="AM5")],
        ),
        (
            rules.radiator,
            [line("COOLER", radiator="360mm"), line("CASE", radiator="최대 240mm")],
            [line("COOLER", radiator="360mm"), line("CASE", radiator="최대 360mm")],
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_rule(rule: Callable[..., Any], bad: list[Line], good: list[Line]) -> None:
    (finding,) = rule(bad)
    assert set(finding.part_ids) == {entry.part_id for entry in bad}
    assert finding.message
    assert list(rule(good)) == []
    # Without the values of either side there is nothing to compare.
    for silent in range(len(bad)):
        without = [Line(b.part_id, b.name, b.category, {}, b.quantity) if n == silent else b for n, b in enumerate(bad)]
        assert list(rule(without)) == []
    assert list(rule([])) == []


def test_power_names_a_shortage_an_error() -> None:
    gpu, supply = line("GPU", tdp=450), line("POWER_SUPPLY", wattage=500)
    (tight,) = rules.power([gpu, supply])
    assert tight.severity is Severity.WARNING
    (short,) = rules.power([gpu, line("CPU", tdp="100W"), supply])
    assert short.severity is Severity.ERROR
    assert "550W" in short.message


def test_power_counts_every_piece() -> None:
    assert list(rules.power([line("GPU", 2, tdp=300), line("POWER_SUPPLY", wattage=700)]))
    assert not list(rules.power([line("GPU", tdp=300), line("POWER_SUPPLY", wattage=700)]))


def test_required_categories() -> None:
    findings = list(rules.required_categories([line("CPU")]))
    assert [finding.code for finding in findings] == ["CATEGORY_MISSING"] * 2
    assert "메인보드" in findings[0].message
    assert "파워서플라이" in findings[1].message


def test_single_categories() -> None:
    first, second = line("CPU"), line("CPU")
    (finding,) = rules.single_categories([first, second, line("RAM", 4)])
    assert finding.part_ids == (first.part_id, second.part_id)
    (finding,) = rules.single_categories([line("CASE", 3)])
    assert "3개" in finding.message


def test_seeded_builds_are_sound() -> None:
    for build in DEMO.builds:
        lines = [
            Line(part, PARTS[part - 1].name, PARTS[part - 1].category, PARTS[part - 1].specs) for part in build.parts
        ]
        assert rules.check(lines) == [], build.name


def test_the_catalogue_can_be_misbuilt() -> None:
    """Intel processor on an AMD board, DDR5 in a DDR4 board, a 360 mm radiator in a small case."""
    lines = [
        Line(n, PARTS[n - 1].name, PARTS[n - 1].category, PARTS[n - 1].specs) for n in (3, 6, 11, 14, 16, 23, 26, 27)
    ]
    assert [finding.code for finding in rules.check(lines)] == [
        "CATEGORY_REPEATED",
        "CPU_SOCKET_MISMATCH",
        "MEMORY_GENERATION_MISMATCH",
        "GPU_TOO_LONG",
        "POWER_INSUFFICIENT",
        "RADIATOR_TOO_LARGE",
    ]
