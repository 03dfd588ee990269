"""Looks at once: each is counted, told its own number, and shares the statement."""

import asyncio

import pytest

from jiucom.db.views import Views

pytestmark = pytest.mark.anyio


class Row:
    """Counts as a database does, one write at a time."""

    def __init__(self) -> None:
        self.count = 0
        self.writes: list[int] = []
        self.failure: Exception | None = None
        self.gone = False

    async def write(self, more: int) -> int:
        self.writes.append(more)
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        self.count += more
        return 0 if self.gone else self.count


async def test_concurrent_views_are_two_writes() -> None:
    row, views = Row(), Views()
    assert await asyncio.gather(*(views.count(1, row.write) for _ in range(50))) == list(range(1, 51))
    assert len(row.writes) <= 2
    assert await asyncio.wait_for(views.count(1, row.write), 1) == 51


async def test_rows_do_not_wait_for_each_other() -> None:
    one, two, views = Row(), Row(), Views()
    looks = [views.count(1, one.write), views.count(2, two.write), views.count(1, one.write)]
    assert await asyncio.gather(*looks) == [1, 1, 2]


async def test_views_of_a_missing_row_are_zero() -> None:
    row, views = Row(), Views()
    row.gone = True
    assert await asyncio.gather(*(views.count(1, row.write) for _ in range(3))) == [0, 0, 0]


async def test_a_failed_write_fails_its_own_views_only() -> None:
    row, views = Row(), Views()
    row.failure = ValueError("no database")
    answers = await asyncio.gather(*(views.count(1, row.write) for _ in range(3)), return_exceptions=True)
    assert answers == [row.failure] * 3
    row.failure = None
    assert await asyncio.wait_for(views.count(1, row.write), 1) == 1


async def test_a_cancelled_view_does_not_stop_the_others() -> None:
    row, views = Row(), Views()
    looks = [asyncio.create_task(views.count(1, row.write)) for _ in range(3)]
    await asyncio.sleep(0)
    looks[0].cancel()
    answers = await asyncio.gather(*looks, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert answers[1:] == [2, 3]
