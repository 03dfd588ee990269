"""Compatibility rules: each finds what it should, and nothing without data."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from jiucom.rules import compatibility as rules
from jiucom.rules import facts, specs
from jiucom.rules.compatibility import Line, Severity
from jiucom.seed.catalogue import PARTS
from jiucom.seed.demo import DEMO

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
    (finding,) = rule(rules.group(bad))
    assert set(finding.part_ids) == {entry.part_id for entry in bad}
    assert finding.message
    assert list(rule(rules.group(good))) == []
    # Without the values of either side there is nothing to compare.
    for silent in range(len(bad)):
        without = [Line(b.part_id, b.name, b.category, {}, b.quantity) if n == silent else b for n, b in enumerate(bad)]
        assert list(rule(rules.group(without))) == []
    assert list(rule(rules.group([]))) == []


@pytest.mark.parametrize(
    ("cpu", "board", "fits"),
    [
        ("LGA 2011", "LGA 2011-3", False),
        ("LGA2011-v3", "LGA 2011-3", True),
        ("LGA 2011-3", "2 x LGA 2011-3", True),
        ("1151", "1151v2", False),
        ("LGA1151", "LGA1151v2", False),
        ("인텔(소켓1151v2)", "인텔(소켓1151)", False),
        ("인텔(소켓1151v2)", "LGA1151 (300 Series)", True),
        ("FM2+", "FM2", False),
        ("FM2", "FM2+", True),
        ("AM3+", "AM3", False),
        ("AM3", "AM3+", True),
        ("AM3", "AM3+/AM3", True),
        ("AM2+", "AM2", True),
        ("AMD(소켓AM5)", "인텔(소켓1700)", False),
        ("AMD(소켓AM5)", "AM5", True),
        ("인텔(소켓1700)", "LGA1700", True),
        ("소켓1700", "소켓AM5", False),
        ("FCLGA1700", "LGA 1700", True),
        ("sTRX4", "TR4", False),
        ("TR4", "sTR4", True),
        ("AM5", "AM5 등", True),
        ("AM5", "전용", True),
    ],
)
def test_sockets_of_processors_and_boards(cpu: str, board: str, fits: bool) -> None:
    findings = rules.check([line("CPU", socket=cpu), line("MOTHERBOARD", socket=board)])
    assert ("CPU_SOCKET_MISMATCH" not in {finding.code for finding in findings}) == fits


@pytest.mark.parametrize(
    ("cooler", "cpu", "fits"),
    [
        ("AM4/LGA1700", "AM5", False),
        ("LGA115x", "LGA1200", True),
        ("LGA1700", "인텔(소켓1851)", True),
        ("LGA1151", "LGA1151v2", True),
        ("LGA2011, LGA2066", "LGA2011-3", True),
        ("AM3(+), AM2(+), FM2(+), FM1", "FM2+", True),
        ("LGA115x, LGA1200, AM4", "LGA1700", False),
        ("LGA20xx", "LGA1700", False),
        ("sTRX4/TR4", "sTR4", True),
        ("AM4, AM5 등", "LGA1700", True),
    ],
)
def test_coolers_are_mounted_alike(cooler: str, cpu: str, fits: bool) -> None:
    findings = rules.check([line("COOLER", socket=cooler), line("CPU", socket=cpu)])
    found = [finding for finding in findings if finding.code.startswith("COOLER")]
    assert (not found) == fits
    # A hundred names are not all shown.
    assert all(len(finding.message) < 200 for finding in found)


@pytest.mark.parametrize(
    ("board", "case", "severity"),
    [
        ("EATX", "ATX Mid Tower", Severity.WARNING),
        ("EATX", "ATX Full Tower", Severity.WARNING),
        ("EATX", "ATX", Severity.WARNING),
        ("ATX", "Micro-ATX Mini Tower", Severity.WARNING),
        ("ATX", "Mini ITX Tower", Severity.WARNING),
        ("ATX", "MicroATX Desktop", Severity.WARNING),
        ("ATX", "M-ATX 케이스", Severity.WARNING),
        ("E-ATX", "ATX, M-ATX", Severity.ERROR),
        ("E-ATX", "최대 ATX", Severity.ERROR),
        ("ATX", "Micro-ATX/Mini-ITX", Severity.ERROR),
        ("ATX (30.5x24.4cm)", "Mini-ITX", Severity.ERROR),
        ("Flex ATX", "Micro-ATX", None),
        ("M-ATX (24.4x24.4cm)", "ATX Mid Tower", None),
        ("E-ATX", "E-ATX 미지원", None),
        ("Mini DTX", "Mini-ITX", None),
        ("SSI EEB", "Extended-ATX, 표준-ATX", None),
    ],
)
def test_boards_in_cases(board: str, case: str, severity: Severity | None) -> None:
    """A tower's name is no limit: many cases that are named after ATX take E-ATX."""
    findings = rules.check([line("MOTHERBOARD", formFactor=board), line("CASE", formFactor=case)])
    found = [finding.severity for finding in findings if finding.code == "BOARD_TOO_LARGE"]
    assert found == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("slots", "drives", "enough"),
    [
        ("1x PCIe 5.0 x4 + 3x PCIe 4.0 x4", 4, True),
        ("1x PCIe 5.0 x4 + 3x PCIe 4.0 x4", 5, False),
        ("2+1", 3, True),
        ("2+1", 4, False),
        ("M.2: 3개", 3, True),
        ("M.2: 3개", 4, False),
        ("PCIe 5.0 x4", 9, True),
        ("Gen4 x2", 9, True),
        ("4 또는 2", 9, True),
        ("없음", 1, False),
    ],
)
def test_slots_are_added_up(slots: str, drives: int, enough: bool) -> None:
    findings = rules.check([line("MOTHERBOARD", m2Slots=slots), line("SSD", drives, formFactor="M.2(2280)")])
    assert ("M2_SLOTS_EXCEEDED" not in {finding.code for finding in findings}) == enough


def test_an_unreadable_value_does_not_hide_another() -> None:
    board = line("MOTHERBOARD", memoryType="DDR5")
    (found,) = rules.memory_generation(rules.group([line("RAM", type="288-pin DIMM", speed="DDR4-3200"), board]))
    assert found.code == "MEMORY_GENERATION_MISMATCH"
    contradictory = line("RAM", type="DDR5", speed="DDR4-3200")
    assert list(rules.memory_generation(rules.group([contradictory, line("MOTHERBOARD", memoryType="DDR3")]))) == []


def test_a_radiator_with_its_tanks_is_of_its_class() -> None:
    case = line("CASE", radiator="최대 360mm")
    assert list(rules.radiator(rules.group([line("COOLER", radiator="397mm"), case]))) == []
    assert list(rules.radiator(rules.group([line("COOLER", radiator="420mm"), case])))


def test_findings_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty coolers for fifty cases: each part is read once, and named once by each rule."""
    read, original = [], facts.read

    def noted(category: str, values: specs.Specs) -> facts.Facts:
        read.append(values)
        return original(category, values)

    monkeypatch.setattr(facts, "read", noted)
    lines = [line("COOLER", height="200mm", radiator="360mm") for _ in range(50)]
    lines += [line("CASE", maxCoolerHeight="100mm", radiator="240mm") for _ in range(50)]
    assert len(list(rules.cooler_height(rules.group(lines)))) == 50
    assert len(rules.check(lines)) == rules.MAX_FINDINGS
    assert len(read) == 100
    assert len(msgspec.json.encode(rules.check(lines))) < 64 * 1024


def test_power_names_a_shortage_an_error() -> None:
    gpu, supply = line("GPU", tdp=450), line("POWER_SUPPLY", wattage=500)
    (tight,) = rules.power(rules.group([gpu, supply]))
    assert tight.severity is Severity.WARNING
    (short,) = rules.power(rules.group([gpu, line("CPU", tdp="100W"), supply]))
    assert short.severity is Severity.ERROR
    assert "550W" in short.message


def test_power_counts_every_piece() -> None:
    assert list(rules.power(rules.group([line("GPU", 2, tdp=300), line("POWER_SUPPLY", wattage=700)])))
    assert not list(rules.power(rules.group([line("GPU", tdp=300), line("POWER_SUPPLY", wattage=700)])))


def test_required_categories() -> None:
    findings = list(rules.required_categories(rules.group([line("CPU")])))
    assert [finding.code for finding in findings] == ["CATEGORY_MISSING"] * 2
    assert "메인보드" in findings[0].message
    assert "파워서플라이" in findings[1].message


def test_single_categories() -> None:
    first, second = line("CPU"), line("CPU")
    (finding,) = rules.single_categories(rules.group([first, second, line("RAM", 4)]))
    assert finding.part_ids == (first.part_id, second.part_id)
    (finding,) = rules.single_categories(rules.group([line("CASE", 3)]))
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
