"""Batches of rows."""

import pytest

from jiucom.batches import batches


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (6, [3, 3]), (7, [3, 3, 1])])
def test_all_but_the_last_are_full(count: int, sizes: list[int]) -> None:
    found = list(batches(iter(range(count)), 3))
    assert [len(batch) for batch in found] == sizes
    assert [row for batch in found for row in batch] == list(range(count))
