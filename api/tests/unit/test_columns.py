"""The check that finds columns in a wrong order."""

import msgspec
import pytest

from testing.columns import misplaced


class Shown(msgspec.Struct):
    id: int
    part_id: int
    lowest_price: int
    highest_price: int
    author_nickname: str


NICKNAME = "IF(users.is_deleted, 'x', users.nickname)"


@pytest.mark.parametrize(
    ("columns", "wrong"),
    [
        (["id", "part_id", "lowest_price", "highest_price", NICKNAME], 0),
        (["id", "id", "lowest_price", "highest_price", "nickname"], 0),
        (["part_id", "id", "lowest_price", "highest_price", "nickname"], 1),
        (["id", "part_id", "highest_price", "lowest_price", "nickname"], 2),
        (["id", "part_id", "lowest_price", NICKNAME, "highest_price"], 2),
        (["id", "part_id", "lowest_price", "highest_price", "MAX(price)"], 1),
        (["id", "part_id", "lowest_price", "highest_price"], 1),
    ],
)
def test_columns_stand_in_the_order_of_the_fields(columns: list[str], wrong: int) -> None:
    assert len(misplaced(columns, Shown)) == wrong
