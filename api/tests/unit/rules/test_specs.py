"""Readers of specifications: the spellings of our own data, and what people type."""

from collections.abc import Callable
from typing import Any

import pytest

from bench import compat
from jiucom.rules import boards, specs
from testing.cpu import multiple


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (120, 120),
        ("120W", 120),
        ("120 w", 120),
        ("1,000W", 1000),
        ("1.2kW", 1200),
        ("850와트", 850),
        ("125W (최대 253W)", 125),
        ("80+ Gold 850W", 850),
        ("850", 850),
        (True, None),
        (None, None),
        ("", None),
        ("미정", None),
        ("80+ Gold", None),
        ("9" * 400, None),
        ({"value": 1}, None),
    ],
)
def test_watts(value: Any, expected: float | None) -> None:
    assert specs.watts({"tdp": value}, "tdp") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("160mm", 160),
        (160, 160),
        ("33.6cm", 336),
        ("최대 360mm", 360),
        ("최대 360", 360),
        ("240/280/360mm", 360),
        ("최대 360/280mm", 360),
        ("30/33.6cm", 336),
        ("360 / 280", 360),
        ("240~360mm", 360),
        ("315mm (라디에이터 장착 시 280mm)", 315),
        ("310 x 140 x 61 mm", None),
        ("400 x 180 mm", None),
        ("120mm x 3", None),
        ("360 및 280mm", None),
        ("상단 360mm, 전면 지원", None),
        ("3열 (360mm)", 360),
        ("3열", None),
        ("없음", None),
    ],
)
def test_millimetres(value: Any, expected: float | None) -> None:
    assert specs.millimetres({"length": value}, "length") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("32GB (16GBx2)", 2),
        ("16GBx2", 2),
        ("2 x 16GB", 2),
        ("16GB × 4", 4),
        ("16G*2", 2),
        ("32GB", None),
        (32, None),
    ],
)
def test_sticks(value: Any, expected: int | None) -> None:
    assert specs.sticks({"capacity": value}, "capacity") == expected


@pytest.mark.parametrize(("value", "expected"), [(4, 4), ("4", 4), ("4개", 4), ("DDR5 x 4", None), ("1234", None)])
def test_count(value: Any, expected: int | None) -> None:
    assert specs.count({"memorySlots": value}, "memorySlots") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("AM5", {"AM5"}),
        ("AM5/LGA1700", {"AM5", "LGA1700"}),
        (["AM5", "LGA1700"], {"AM5", "LGA1700"}),
        ("Intel LGA 1700, AMD AM5", {"AM5", "LGA1700"}),
        ("LGA1700/1851", {"LGA1700", "LGA1851"}),
        ("소켓 AM4 (브라켓 별도)", {"AM4"}),
        ("sTRX4", {"STRX4"}),
        ("AM5/범용", set()),
        ("1700", {"LGA1700"}),
        ("1234", set()),
        ("Zen 4", set()),
        ("", set()),
    ],
)
def test_sockets(value: Any, expected: set[str]) -> None:
    assert specs.sockets({"socket": value}, "socket") == expected


def test_an_x_in_a_socket_is_any_digit() -> None:
    assert "LGA1151" in specs.sockets({"socket": "LGA115X/AM4"}, "socket")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("DDR5", {"DDR5"}),
        ("DDR5-5600", {"DDR5"}),
        ("DDR4/DDR5", {"DDR4", "DDR5"}),
        (5600, set()),
    ],
)
def test_memory_generations(value: Any, expected: set[str]) -> None:
    assert specs.memory_generations({"type": value}, "type") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("ATX", {"ATX"}),
        ("ATX Mid Tower", {"ATX"}),
        ("Micro-ATX", {"Micro-ATX"}),
        ("mATX", {"Micro-ATX"}),
        ("M-ATX", {"Micro-ATX"}),
        ("마이크로 ATX", {"Micro-ATX"}),
        ("Mini-ITX", {"Mini-ITX"}),
        ("E-ATX/ATX/Micro-ATX", {"E-ATX", "ATX", "Micro-ATX"}),
        ("ITX ~ E-ATX", {"Mini-ITX", "Micro-ATX", "ATX", "E-ATX"}),
        ("M-ATX~ATX", {"Micro-ATX", "ATX"}),
        ("~ATX", {"ATX"}),
        ("ATX M-ATX ITX", {"ATX", "Micro-ATX", "Mini-ITX"}),
        ("ATX 및 M-ATX", {"ATX", "Micro-ATX"}),
        ("ATX(M-ATX 호환)", {"ATX", "Micro-ATX"}),
        ("ITX ~ 풀타워", set()),
        ("ATX/SSI-EEB", {"ATX", "E-ATX"}),
        ("ATX/Mini-DTX", set()),
        ("미들타워", set()),
    ],
)
def test_board_sizes(value: Any, expected: set[str]) -> None:
    assert specs.board_sizes({"formFactor": value}, "formFactor") == expected


def test_a_case_takes_smaller_boards() -> None:
    mini, full = frozenset({"Mini-ITX"}), frozenset({"ATX"})
    assert boards.fits_case(mini, full)
    assert not boards.fits_case(full, mini)
    assert boards.fits_case(mini | full, mini)


def test_the_first_key_with_a_value_is_the_text() -> None:
    assert specs.text({"type": " ", "speed": "DDR5-5600"}, "type", "speed") == "DDR5-5600"


def test_the_first_key_that_can_be_read_counts() -> None:
    assert specs.memory_generations({"type": "288-pin DIMM", "speed": "DDR4-3200"}, "type", "speed") == {"DDR4"}
    assert specs.count({"slots": "미정", "memorySlots": "4개"}, "slots", "memorySlots") == 4
    assert specs.millimetres({"size": "310 x 140 x 61 mm", "length": "310mm"}, "size", "length") == 310


def test_contradicting_keys_count_as_unknown() -> None:
    assert specs.memory_generations({"type": "DDR5", "speed": "DDR4-3200"}, "type", "speed") == set()
    assert specs.memory_generations({"type": "DDR5/DDR4", "speed": "DDR4-3200"}, "type", "speed") == {"DDR4", "DDR5"}
    assert specs.sticks({"modules": "2x16GB", "capacity": "32GB (4x8GB)"}, "modules", "capacity") is None


@pytest.mark.parametrize(
    "text",
    ["1" + " " * 19_900 + "x", "(" * 20_000, "AM5/" * 5_000, "1151 " * 4_000, "9" * 20_000, "1+" * 10_000, "ATX~" * 5_000,
     "1" + " " * 290 + "x", "(" * 300, "(" * 150 + ")" * 150, "AM5/" * 75, "1,1" * 100, "1151 " * 60, "1+" * 150,
     "ATX~" * 75, "E-" * 150, "LGA " * 75, "AM5,5," + "5," * 145, "x " * 150, "1 " * 150, "1cm " * 75, "ＤＤＲ" * 100],
    ids=lambda text: f"{len(text)} of {text[:3]}",
)  # fmt: skip
def test_long_texts_are_read_in_bounded_time(text: str) -> None:
    """Texts above the limit are not read; up to the limit all readers together are fast."""
    readers: list[Callable[..., Any]] = [
        specs.sockets, specs.memory_generations, specs.board_sizes, specs.count, specs.sticks, specs.watts,
        specs.millimetres, specs.radiator, specs.is_m2,
    ]  # fmt: skip

    def read() -> list[Any]:
        return [each({"value": text, "list": [text] * 1000}, "value", "list") for each in readers]

    assert multiple(read) < 20
    if len(text) > specs.MAX_TEXT:
        assert not any(read())


def test_spellings_of_shops_are_read_as_they_are_meant() -> None:
    """The table of `make bench-compat`: no spelling is read wrongly."""
    table = list(compat.spellings())
    assert len(table) >= 450
    assert [each for each in table if each.verdict == "contradictory"] == []
    assert sum(each.verdict == "read" for each in table) >= 0.95 * len(table)
