"""Pages: their numbers."""

import pytest

from jiucom.web.paging import MAX_DEPTH, Page, PageQuery


@pytest.mark.parametrize("size", [1, 3, 7, 20, 100])
@pytest.mark.parametrize("total", [0, 1, 100, 9_999, 10_000, 10_001, 12_345, 10**9])
def test_the_last_page_can_be_asked_for(size: int, total: int) -> None:
    first: Page[int] = Page.of([], PageQuery(size=size), total)
    last: Page[int] = Page.of([], PageQuery(page=max(0, first.total_pages - 1), size=size), total)
    assert last.last
    assert last.total_elements == total
    assert first.first
    assert first.last == (first.total_pages <= 1)
    # All of a list that is short enough.
    assert first.total_pages * size >= min(total, MAX_DEPTH)
