"""msgspec's texts, each provoked from msgspec itself: another version may word them otherwise."""

from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta

from jiucom.web import messages
from jiucom.web.schema import INT64_MAX, INT64_MIN, Id, NotBlank, OneLine


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@pytest.mark.parametrize(
    ("value", "target", "text"),
    [
        ("1", int, "정수여야 합니다"),
        (1.5, int, "정수여야 합니다"),
        ("1", float, "숫자여야 합니다"),
        (True, Decimal, "숫자여야 합니다"),
        (1, bool, "true 또는 false여야 합니다"),
        (1, str, "문자열이어야 합니다"),
        (None, str, "문자열이어야 합니다"),
        ({}, list[int], "배열이어야 합니다"),
        ([], dict[str, int], "객체여야 합니다"),
        (1, date, "날짜(yyyy-MM-dd)여야 합니다"),
        ("x", date, "날짜(yyyy-MM-dd)여야 합니다"),
        ("2026-02-30", date, "날짜(yyyy-MM-dd)여야 합니다"),
        ("x", datetime, "ISO-8601 날짜와 시간이어야 합니다"),
        ([], datetime, "ISO-8601 날짜와 시간이어야 합니다"),
        ("2026-13-01T00:00:00", datetime, "ISO-8601 날짜와 시간이어야 합니다"),
        ("", Annotated[str, Meta(min_length=1)], "비어 있을 수 없습니다"),
        ("a", Annotated[str, Meta(min_length=2)], "길이는 2 이상이어야 합니다"),
        ("abc", Annotated[str, Meta(max_length=2)], "길이는 2 이하여야 합니다"),
        ([], Annotated[list[int], Meta(min_length=1)], "비어 있을 수 없습니다"),
        ([1, 2], Annotated[list[int], Meta(max_length=1)], "길이는 1 이하여야 합니다"),
        ({"a": 1, "b": 2}, Annotated[dict[str, int], Meta(max_length=1)], "길이는 1 이하여야 합니다"),
        (0, Annotated[int, Meta(ge=1)], "1 이상이어야 합니다"),
        (0, Annotated[int, Meta(ge=1)] | None, "1 이상이어야 합니다"),
        (3, Annotated[int, Meta(le=2)], "2 이하여야 합니다"),
        (0.4, Annotated[float, Meta(ge=0.5)], "0.5 이상이어야 합니다"),
        (-3, Annotated[int, Meta(ge=-2)], "-2 이상이어야 합니다"),
        (2**63, Id, "64비트 정수 범위를 벗어났습니다"),
        (-(2**63) - 1, Id, "64비트 정수 범위를 벗어났습니다"),
        (2**70, Annotated[int, Meta(le=INT64_MAX)], "64비트 정수 범위를 벗어났습니다"),
        (-(2**70), Annotated[int, Meta(ge=INT64_MIN)], "64비트 정수 범위를 벗어났습니다"),
        (" ", Annotated[str, NotBlank], "공백일 수 없습니다"),
        ("\n", Annotated[str, OneLine], "보이는 글자가 있어야 하고, 제어 문자는 쓸 수 없습니다"),
        ("x", Annotated[str, Meta(pattern="^a$")], "형식이 올바르지 않습니다"),
        ("x", Annotated[str, Meta(pattern="^`datetime$")], "형식이 올바르지 않습니다"),
        (3, Annotated[int, Meta(multiple_of=2)], "2의 배수여야 합니다"),
        ([], int | str, "정수여야 합니다"),
        ("green", Colour, "다음 중 하나여야 합니다: red, blue"),
        ("C", Literal["A", "B"], "다음 중 하나여야 합니다: A, B"),
        (7, Literal[1, 2], "다음 중 하나여야 합니다: 1, 2"),
        ("x", bytes, "형식이 올바르지 않습니다"),
    ],
)
def test_text(value: Any, target: Any, text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, target)
    assert messages.text(caught.value, target) == text


@pytest.mark.parametrize(
    ("value", "target", "text"),
    [
        ("x", int, "정수여야 합니다"),
        ("9" * 30, Id, "64비트 정수 범위를 벗어났습니다"),
        ("x", float, "숫자여야 합니다"),
        ("x", bool, "true 또는 false여야 합니다"),
        ("101", Annotated[int, Meta(le=100)], "100 이하여야 합니다"),
        ("1", date, "날짜(yyyy-MM-dd)여야 합니다"),
    ],
)
def test_text_of_a_query(value: str, target: Any, text: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, target, strict=False)
    assert messages.text(caught.value, target) == text


def test_texts_of_our_own_stay() -> None:
    class Own(msgspec.Struct):
        x: int

        def __post_init__(self) -> None:
            raise ValueError("우리말입니다")

    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert({"x": 1}, Own)
    assert messages.text(caught.value, Own) == "우리말입니다"
