"""Every wrong field is named, in Korean; good values arrive in NFC."""

import unicodedata
from collections import Counter
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from jiucom.domains.auth.schemas import Nickname
from jiucom.errors import ApiError
from jiucom.web import validation
from jiucom.web.envelope import failure
from jiucom.web.schema import Id, InvalidFieldError, NotBlank, OneLine, Schema
from jiucom.web.validation import convert


class Line(Schema, frozen=True, kw_only=True):
    part_id: Id
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1


class Body(Schema, frozen=True, kw_only=True):
    name: Annotated[str, NotBlank, Meta(max_length=10)]
    parts: Annotated[list[Line], Meta(min_length=1)]
    kind: Literal["A", "B"] = "A"
    is_public: bool = False
    day: date | None = None
    rating: float | None = None
    low: int | None = None
    high: int | None = None
    rest: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise InvalidFieldError("low", "low는 high 이하여야 합니다")


GOOD: dict[str, Any] = {"name": "이름", "parts": [{"partId": 1}]}


def errors(value: Any, *, strict: bool = True) -> dict[str, str]:
    with pytest.raises(ApiError) as caught:
        convert(value, Body, strict=strict)
    assert (caught.value.status, caught.value.code) == (400, "JIUCOM-401")
    found = {error.field: error.message for error in caught.value.errors}
    assert caught.value.message == ", ".join(f"{field}: {message}" for field, message in found.items())
    return found


def test_good() -> None:
    body = convert({**GOOD, "isPublic": True, "day": "2026-02-28", "unknown": [2**64, "\0"]}, Body, strict=True)
    assert body == Body(name="이름", parts=[Line(part_id=1)], is_public=True, day=date(2026, 2, 28))


def test_a_whole_number_is_an_integer_however_it_is_written() -> None:
    assert convert({**GOOD, "low": 3.0, "rating": 4.0}, Body, strict=True) == convert(
        {**GOOD, "low": 3, "rating": 4}, Body, strict=True
    )
    assert errors({**GOOD, "low": 3.5, "high": 1e19}) == {"low": "정수여야 합니다", "high": "정수여야 합니다"}


def test_all_wrong_fields_are_named() -> None:
    found = errors(
        {
            "name": "  ",
            "parts": [{"partId": 1}, {"quantity": 0}, 7, {"partId": "1", "quantity": 100}],
            "kind": "C",
            "isPublic": 1,
            "day": "28.2.2026",
            "rating": "5",
        }
    )
    assert found == {
        "name": "공백일 수 없습니다",
        "parts[1].partId": "필수 값입니다",
        "parts[1].quantity": "1 이상이어야 합니다",
        "parts[2]": "객체여야 합니다",
        "parts[3].partId": "정수여야 합니다",
        "parts[3].quantity": "99 이하여야 합니다",
        "kind": "다음 중 하나여야 합니다: A, B",
        "isPublic": "true 또는 false여야 합니다",
        "day": "날짜(yyyy-MM-dd)여야 합니다",
        "rating": "숫자여야 합니다",
    }


@pytest.mark.parametrize(
    ("change", "field", "message"),
    [
        ({"name": None}, "name", "필수 값입니다"),
        ({"name": ""}, "name", "공백일 수 없습니다"),
        ({"name": "x" * 11}, "name", "길이는 10 이하여야 합니다"),
        ({"name": "a\0b"}, "name", "NUL 문자는 사용할 수 없습니다"),
        ({"parts": []}, "parts", "비어 있을 수 없습니다"),
        ({"parts": {}}, "parts", "배열이어야 합니다"),
        ({"parts": [{"partId": 2**63}]}, "parts[0].partId", "64비트 정수 범위를 벗어났습니다"),
        ({"rest": {"deep": [-(2**63) - 1]}}, "rest.deep[0]", "64비트 정수 범위를 벗어났습니다"),
        ({"rest": {"a\0": 1}}, "rest.a\0", "NUL 문자는 사용할 수 없습니다"),
        ({"low": 2, "high": 1}, "low", "low는 high 이하여야 합니다"),
        ({"parts": [{"partId": 1.5}]}, "parts[0].partId", "정수여야 합니다"),
        ({"parts": [{"partId": True}]}, "parts[0].partId", "정수여야 합니다"),
    ],
)
def test_one_wrong_field(change: dict[str, Any], field: str, message: str) -> None:
    assert errors({**GOOD, **change}) == {field: message}


@pytest.mark.parametrize("value", [None, [], "x", 7, True])
def test_not_an_object(value: Any) -> None:
    assert list(errors(value)) == [""]


def test_texts_of_a_query_are_converted() -> None:
    class Query(Schema, frozen=True, kw_only=True):
        size: Annotated[int, Meta(ge=1, le=100)] = 20
        keyword: str | None = None
        flag: bool = False

    query = convert({"size": "5", "keyword": "null", "flag": "true"}, Query, strict=False)
    assert query == Query(size=5, keyword="null", flag=True)
    assert convert({"keyword": "12"}, Query, strict=False).keyword == "12"
    assert convert({"size": "5.0"}, Query, strict=False).size == 5


@pytest.mark.parametrize("value", ["null", "NULL", "1e1", "1E1", "1.5"])
def test_malformed_numbers_of_a_query_are_refused(value: str) -> None:
    class Query(Schema, frozen=True, kw_only=True):
        size: Annotated[int, Meta(ge=1, le=100)] | None = None

    with pytest.raises(ApiError) as caught:
        convert({"size": value}, Query, strict=False)
    assert [error.field for error in caught.value.errors] == ["size"]


def test_text_is_composed() -> None:
    body = convert({**GOOD, "name": unicodedata.normalize("NFD", "한글é")}, Body, strict=True)
    assert body.name == "한글é"


class Order(Schema, frozen=True, kw_only=True):
    lines: Annotated[list[Line], Meta(max_length=500)]


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_list_that_is_too_long_is_one_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """And none of its items is looked at."""
    looked = Counter[str]()
    monkeypatch.setattr(validation, "_own_problems", lambda *args: looked.update(["item"]) or iter(()))
    with pytest.raises(ApiError) as caught:
        convert({"lines": [{}] * 300_000}, Order, strict=True)
    assert [(error.field, error.message) for error in caught.value.errors] == [("lines", "길이는 500 이하여야 합니다")]
    assert not looked


def test_a_hundred_problems_are_told() -> None:
    """The walk ends with the last of them."""
    with pytest.raises(ApiError) as caught:
        convert({"lines": [{}] * 500}, Order, strict=True)
    assert [error.field for error in caught.value.errors] == [f"lines[{n}].partId" for n in range(100)]


@pytest.mark.parametrize("key", ["k" * 60_000, "\1" * 10_000, "한" * 20_000, "\0"])
def test_problems_fit_into_an_answer(key: str) -> None:
    """Clients choose keys; an answer says each problem twice."""
    rest = {f"{n}{key}": {key: [2**64] * 5} for n in range(200)}
    with pytest.raises(ApiError) as caught:
        convert({**GOOD, "rest": rest}, Body, strict=True)
    assert caught.value.errors
    assert len(failure(caught.value, datetime.now(UTC)).body) < 64 * 1024


@pytest.mark.parametrize("depth", [64, 1_000, 100_000])
@pytest.mark.parametrize("field", ["rest", "unknown", "name"])
def test_depth(depth: int, field: str) -> None:
    with pytest.raises(ApiError) as caught:
        convert({**GOOD, field: nested(depth)}, Body, strict=True)
    assert [(error.field, error.message) for error in caught.value.errors] == [
        ("", "64단계보다 깊이 중첩할 수 없습니다")
    ]


def test_depth_that_is_allowed() -> None:
    assert convert({**GOOD, "unknown": nested(63)}, Body, strict=True).name == "이름"
    assert convert({**GOOD, "rest": {"x": nested(62)}}, Body, strict=True).rest == {"x": nested(62)}


@pytest.mark.parametrize("marks", ["\u0301", "\u0301\u0327", "\u3099", "\u0591", "\U0001d165", "\u0301\U0001d165"])
def test_marks_in_a_row_are_limited(marks: str) -> None:
    """Putting them into order takes quadratic time in some versions of Python."""

    class Text(Schema, frozen=True):
        text: str

    assert len(convert({"text": "a" + (marks * 30)[:30]}, Text, strict=True).text) in (30, 31)
    assert convert({"text": "😂" * 10_000}, Text, strict=True).text == "😂" * 10_000
    with pytest.raises(ApiError) as caught:
        convert({"text": "a" + marks * 60_000}, Text, strict=True)
    assert [(error.field, error.message) for error in caught.value.errors] == [("text", "결합 문자가 너무 많습니다")]


@pytest.mark.parametrize(
    ("title", "good"),
    [
        ("게임용 PC 견적", True),
        ("👨\u200d👩\u200d👧 ❤\ufe0f", True),
        ("العربية", True),
        ("a\u202eb", False),
        ("a\u2066b", False),
        ("a\nb", False),
        ("a\tb", False),
        ("ab\n", False),
        ("a\x1bb", False),
        ("a\u2028b", False),
        ("\u3164\u3164", False),
        ("\u200b \u2800", False),
        ("\ufeff", False),
        ("  ", False),
        ("", False),
    ],
)
def test_one_line_texts_are_visible_and_without_line_breaks(title: str, good: bool) -> None:
    class Titled(Schema, frozen=True):
        title: Annotated[str, OneLine, Meta(max_length=100)]

    if good:
        assert convert({"title": title}, Titled, strict=True).title == title
        return
    with pytest.raises(ApiError) as caught:
        convert({"title": title}, Titled, strict=True)
    assert [error.message for error in caught.value.errors] == ["보이는 글자가 있어야 하고, 제어 문자는 쓸 수 없습니다"]


@pytest.mark.parametrize(
    ("nickname", "good"),
    [
        ("게이머김", True),
        ("Ryzen 팬", True),
        ("👨\u200d👩\u200d👧", True),
        ("탈퇴한 사용자들", True),
        ("탈퇴한 사용자", False),
        ("탈퇴한사용자", False),
        (" 탈퇴한  사용자 ", False),
        ("탈퇴한\u200d 사용자\ufe0f", False),
        ("탈\u200b퇴한 사용자", False),
        ("관리자\u200b", False),
        ("관리\u3164자", False),
        ("a\u202eb", False),
        ("a\nb", False),
        ("a\x00b", False),
        ("\u3164\u3164", False),
        ("  ", False),
    ],
)
def test_nicknames_with_invisible_characters_are_refused(nickname: str, good: bool) -> None:
    class Named(Schema, frozen=True):
        nickname: Nickname

    if good:
        assert convert({"nickname": nickname}, Named, strict=True).nickname == nickname
        return
    with pytest.raises(ApiError) as caught:
        convert({"nickname": nickname}, Named, strict=True)
    assert [error.field for error in caught.value.errors] == ["nickname"]
    assert "쓸 수 없습니다" in caught.value.errors[0].message
