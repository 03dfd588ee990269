"""How a panel is compared with an independent count (D5)."""

from __future__ import annotations

import pytest

from jiucom.telemetry import http_metrics
from tools.dashboards.judge import BUCKETS, Count, in_bucket, near, percentile, table

PANEL = ("Panel", "series")


def faults(value: float, count: Count | None, reasons: dict[str, str] | None = None) -> list[str]:
    return table({PANEL: value}, {PANEL: count} if count else {}, reasons or {})[1]


def test_buckets_are_the_api_s() -> None:
    assert BUCKETS == http_metrics.BUCKETS


def test_percentiles_are_those_of_the_latencies_and_not_of_buckets() -> None:
    latencies = [n / 1000 for n in range(1, 101)]
    assert [percentile(latencies, quantile) for quantile in (0.5, 0.95, 0.99, 1.0)] == [0.05, 0.095, 0.099, 0.1]
    assert percentile([0.7], 0.5) == 0.7
    with pytest.raises(ValueError, match="nothing was logged"):
        percentile([], 0.5)


@pytest.mark.parametrize(
    ("true", "shown", "agrees"),
    [
        (0.04, 0.19, True),  # the same bucket
        (0.04, 0.25, False),
        (0.04, 0.02, False),
        (0.029, 0.031, True),  # another bucket, and next to it
        (9.0, 5.0, True),  # above the last bound, which is what Prometheus says then
        (9.0, 4.0, False),
    ],
)
def test_a_percentile_agrees_within_its_bucket(true: float, shown: float, agrees: bool) -> None:
    assert (faults(shown, in_bucket(true)) == []) is agrees


def test_the_table_gives_the_range_of_a_bucket() -> None:
    rows, _ = table({PANEL: 0.1}, {PANEL: in_bucket(0.04)}, {})
    assert rows[-1] == "| Panel | series | 0.1 | 0.04 | 150.0%, known to 0.03–0.2 s |"


def test_other_values_agree_within_a_tenth_or_their_slack() -> None:
    assert faults(109, near(100)) == faults(91, near(100)) == faults(0, near(0)) == faults(2, near(1, slack=1)) == []
    assert len(faults(111, near(100))) == len(faults(89, near(100))) == len(faults(3, near(1, slack=1))) == 1


def test_series_without_a_count_need_a_reason() -> None:
    assert faults(1, None) == ["Panel: series has neither a count nor a reason"]
    assert faults(1, None, {"Other": "x"}) == faults(1, None)
    assert faults(1, None, {"Panel": "for all of it"}) == faults(1, None, {"Panel: series": "for one"}) == []


def test_counted_series_that_are_not_shown_are_faults() -> None:
    assert table({}, {PANEL: near(1)}, {})[1] == ["Panel: series is counted and not shown"]
