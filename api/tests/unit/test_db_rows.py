"""Rows to structs, and statements to shapes."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import msgspec
import pytest
from msgspec import Meta

from jiucom.clock import Clock, stored
from jiucom.db.rows import mapper
from jiucom.db.shape import shape

CLOCK = Clock("Asia/Seoul")


class Kind(StrEnum):
    A = "A"


class Row(msgspec.Struct):
    id: int
    kind: Kind
    pinned: bool
    created_at: datetime | None
    specs: Annotated[msgspec.Raw, Meta(title="x")] | None
    tags: list[str] | None


def test_columns_are_converted_to_the_types_of_the_fields() -> None:
    row = mapper(Row, CLOCK)((7, "A", 1, datetime(2026, 1, 1, 15), '{"a": 1}', "[]"))
    assert row == Row(7, Kind.A, True, datetime(2026, 1, 2, tzinfo=CLOCK.zone), msgspec.Raw(b'{"a": 1}'), [])
    assert type(row.pinned) is bool
    assert msgspec.json.encode(row.created_at) == b'"2026-01-02T00:00:00+09:00"'
    assert mapper(Row, CLOCK)((7, "A", 0, None, None, None)) == Row(7, Kind.A, False, None, None, None)


def test_times_go_back_as_they_came() -> None:
    assert stored(CLOCK.local(datetime(2026, 1, 1, 15, 0, 0, 5))) == datetime(2026, 1, 1, 15, 0, 0, 5)
    assert stored(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2026, 1, 1)


@pytest.mark.parametrize(
    ("sql", "name", "text"),
    [
        ("SELECT 1", "SELECT", "SELECT 1"),
        ("SELECT a\n  FROM parts WHERE id IN (%s, %s,%s)", "SELECT parts", "SELECT a FROM parts WHERE id IN (%s, ...)"),
        ("insert into `posts` (a) values (%s)", "INSERT posts", "insert into `posts` (a) values (%s)"),
        ("UPDATE users SET x = %s", "UPDATE users", "UPDATE users SET x = %s"),
        ("DELETE FROM t WHERE id = %s", "DELETE t", "DELETE FROM t WHERE id = %s"),
        ("SELECT x FROM (SELECT id FROM parts) AS p", "SELECT parts", "SELECT x FROM (SELECT id FROM parts) AS p"),
    ],
)
def test_shapes(sql: str, name: str, text: str) -> None:
    assert shape(sql) == (name, text)
