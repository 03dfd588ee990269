"""What a panel shows beside an independent count: how far apart they may be, and the table that says it."""

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import NamedTuple

BUCKETS = (0.005, 0.03, 0.2, 1.0, 5.0)  # s, as jiucom.telemetry.http_metrics has them

Key = tuple[str, str]
"""A panel's title and the name of one of its series."""


class Count(NamedTuple):
    """An independent count, and between which values a panel agrees with it."""

    value: float
    low: float
    high: float
    note: str = ""


def near(value: float, slack: float = 0.0) -> Count:
    """Agree within 10 % (D5), or within `slack` where the number is so small that one more or less is further."""
    far = max(0.1 * abs(value), slack)
    return Count(value, value - far, value + far)


def in_bucket(seconds: float) -> Count:
    """A latency whose histogram knows the bucket and no more: agree within the same one, or within 10 %."""
    number = bisect_left(BUCKETS, seconds)
    low, high = (0.0, *BUCKETS)[number], (*BUCKETS, math.inf)[number]
    by_value = near(seconds)
    return Count(seconds, min(low, by_value.low), max(high, by_value.high), f"known to {low:g}–{high:g} s")


def percentile(latencies: Iterable[float], quantile: float) -> float:
    """The true percentile (nearest rank). Raises ValueError without any latency."""
    ordered = sorted(latencies)
    if not ordered:
        raise ValueError("no latencies: nothing was logged")
    return ordered[max(0, math.ceil(quantile * len(ordered)) - 1)]


def table(
    shown: Mapping[Key, float], counted: Mapping[Key, Count], uncounted: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """The rows of the table, and what is wrong: values too far apart, counts that no panel shows, and values that have
    neither a count nor, in `uncounted` under their panel's title or `title: series`, a reason for it."""
    rows = ["| panel | series | panel says | independent count | apart |", "|---|---|---|---|---|"]
    faults = [f"{title}: {name} is counted and not shown" for title, name in counted if (title, name) not in shown]
    for (title, name), value in shown.items():
        count = counted.get((title, name))
        if count is None:
            reason = uncounted.get(f"{title}: {name}", uncounted.get(title, ""))
            rows.append(f"| {title} | {name} | {value:,.4g} | – | {reason or '**not counted**'} |")
            faults += [] if reason else [f"{title}: {name} has neither a count nor a reason"]
            continue
        apart = f"{abs(value - count.value) / (abs(count.value) or 1):.1%}" + (count.note and f", {count.note}")
        rows.append(f"| {title} | {name} | {value:,.4g} | {count.value:,.4g} | {apart} |")
        if not count.low <= value <= count.high:
            faults.append(f"{title}: {name} is {value:,.4g}, counted were {count.value:,.4g}")
    return rows, faults
