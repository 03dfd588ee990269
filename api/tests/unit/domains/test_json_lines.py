"""Items of a JSON array, piece by piece."""

import json
from typing import Any

import pytest

from jiucom.domains.admin_parts.json_lines import MAX_ITEM, items
from jiucom.errors import ApiError
from jiucom.web.normal import MAX_DEPTH


@pytest.mark.parametrize(
    "array",
    [
        [],
        [1],
        [{}, {}],
        [{"a": "]"}, {"b": [1, {"c": "},{"}]}],
        ['"', "\\", '\\"', "\\\\", "[", "{", ","],
        [[[]], [{}], None, True, 1.5, ""],
        [{"\\": "\\"}],
        ["한글", {"이름": ["값"]}],
        ["x" * (MAX_ITEM - 10)],
        [0] * 5000,
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_items_are_those_of_the_array(array: list[Any], indent: int | None) -> None:
    for raw in (json.dumps(array, indent=indent), json.dumps(array, ensure_ascii=False, indent=indent)):
        assert [json.loads(item) for item in items(f" {raw}\r\n".encode())] == array


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    "raw",
    [
        b"", b" ", b"{}", b"1", b"[", b"[[]", b"[]]", b"[}", b"[1}", b"[1]x", b"[1],", b"[1,]", b'["', b'["a', b'["\\"]',
        b'["' + b"x" * MAX_ITEM + b'"]', b"[" + b" " * MAX_ITEM + b"1]", b"[" + b"1," * 10 + b"2" * MAX_ITEM + b"]",
        b"[[" + b"1," * MAX_ITEM + b"1]]", nested(MAX_DEPTH + 1), nested(100_000),
    ],
    ids=lambda raw: repr(raw[:12]),
)  # fmt: skip
def test_other_texts_than_an_array_of_objects_are_refused(raw: bytes) -> None:
    found: list[bytes] = []
    with pytest.raises(ApiError, match="JIUCOM-400"):
        found.extend(items(raw))
    assert all(len(item) <= MAX_ITEM for item in found)


def test_depth_that_is_allowed() -> None:
    assert list(items(nested(MAX_DEPTH))) == [nested(MAX_DEPTH - 1)]
