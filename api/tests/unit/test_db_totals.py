"""Totals of large lists: remembered for a minute, and then counted again by one caller."""

import pytest

from jiucom.db import totals
from jiucom.db.totals import Totals


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The present, to be moved."""
    moment = [100.0]
    monkeypatch.setattr("jiucom.db.totals.time.monotonic", lambda: moment[0])
    return moment


def test_small_totals_are_exact(now: list[float]) -> None:
    known = Totals()
    assert known.learn("parts", totals.EXACT_BELOW) == totals.EXACT_BELOW
    assert known.known("parts") is None


def test_large_totals_are_remembered_for_a_minute(now: list[float]) -> None:
    known = Totals()
    known.learn("parts", 20_000)
    now[0] += 59
    assert known.known("parts") == 20_000
    now[0] += 2
    assert known.known("parts") is None


def test_one_of_many_counts_again(now: list[float]) -> None:
    known = Totals()
    known.learn("parts", 20_000)
    now[0] += 61
    assert [known.known("parts") for _ in range(4)] == [None, 20_000, 20_000, 20_000]
    # It died: another one tries.
    now[0] += 6
    assert [known.known("parts") for _ in range(2)] == [None, 20_000]
    known.learn("parts", 30_000)
    assert known.known("parts") == 30_000


def test_a_list_that_became_small_is_counted_each_time(now: list[float]) -> None:
    known = Totals()
    known.learn("parts", 20_000)
    now[0] += 61
    assert known.known("parts") is None
    known.learn("parts", 5)
    assert known.known("parts") is None
