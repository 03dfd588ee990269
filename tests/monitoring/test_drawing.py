"""board's parts that need no Prometheus: units, axes, time ranges, variables, lines."""

from __future__ import annotations

import ast
import itertools
import math
import re
import time
import xml.etree.ElementTree as ET
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from board import draw
from board.panels import COLORS, Panel
from board.prometheus import Series
from board.timerange import TimeRange, seconds
from board.units import axis_ticks, format_tick, format_value
from board.variables import ALL, Variable, fill

from .conftest import ROOT

SEOUL = ZoneInfo("Asia/Seoul")
SPAN = TimeRange(1_700_000_000, 1_700_003_600, 1_700_003_600, 15, 15)


def panel(kind: str = "timeseries", **defaults: Any) -> Panel:
    model = {"id": 1, "type": kind, "title": "t", "gridPos": {"x": 0, "y": 0, "w": 8, "h": 8}}
    return Panel(model | {"fieldConfig": {"defaults": defaults}}, 1)


def line(*values: float, start: int = SPAN.start, step: int = 15) -> Series:
    return Series({}, [(start + step * index, value) for index, value in enumerate(values)])


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "text"),
    [
        (0, "short", None, "0"),
        (1234567, "short", None, "1.23 Mil"),
        (0.0123, "short", None, "0.0123"),
        (99.5, "percent", 1, "99.5%"),
        (0.5, "percentunit", None, "50%"),
        (536870912, "bytes", None, "512 MiB"),
        (0, "bytes", None, "0 B"),
        (0.5, "bytes", None, "0.50 B"),
        (0.0321, "s", 1, "32.1 ms"),
        (0, "s", None, "0 s"),
        (75, "s", None, "75 s"),
        (20.5, "reqps", 2, "20.50 req/s"),
        (math.nan, "s", None, "–"),
        (math.inf, "short", None, "∞"),
        (-3, "short", None, "-3"),
    ],
)
def test_values_read_as_in_grafana(value: float, unit: str, decimals: int | None, text: str) -> None:
    assert format_value(value, unit, decimals) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0, "s", "0 s"),
        (3 * 0.1, "cps", "0.3 c/s"),
        (1.5 * 2**30, "bytes", "1.5 GiB"),
        (100, "short", "100"),
        (0.05, "short", "0.05"),
        (1e-7, "short", "0"),
        (20, "percent", "20%"),
    ],
)
def test_marks_of_an_axis_are_short(value: float, unit: str, text: str) -> None:
    assert format_tick(value, unit) == text


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 0.0003), (0, 87), (-5, 12), (0, 1e9), (3, 3)])
@pytest.mark.parametrize("unit", ["short", "bytes"])
def test_ticks_are_round_few_and_cover_the_values(low: float, high: float, unit: str) -> None:
    ticks = axis_ticks(low, high, unit)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 1 <= len(ticks) <= 11
    steps = {round(b - a, 12) for a, b in itertools.pairwise(ticks)}
    assert len(steps) <= 1


@pytest.mark.parametrize("text", ["", "1", "h", "1.5h", "-1h", "1y", "1h "])
def test_durations_are_strict(text: str) -> None:
    with pytest.raises(ValueError, match="15s, 2h"):
        seconds(text)


def test_ranges_are_aligned_and_have_few_points() -> None:
    for start in ("now-5m", "now-1h", "now-7d", "now-30d"):
        span = TimeRange.parse(start, "now", 15)
        assert span.start % span.step == span.end % span.step == 0
        assert span.step % 15 == 0
        assert (span.end - span.start) / span.step <= 241
        assert 0 <= time.time() - span.end <= span.step + 1
        assert 0 <= time.time() - span.last <= 16
    assert TimeRange.parse("1700000000000", "1700003600000", 15).end == 1_700_003_595


def test_macros_never_ask_for_less_than_four_scrapes() -> None:
    assert TimeRange(0, 3600, 3600, 15, 15).macros()["__rate_interval"] == "60s"
    assert TimeRange(0, 86400 * 7, 86400 * 7, 2520, 15).macros()["__rate_interval"] == "2535s"


def test_variables_fill_whole_names_alone() -> None:
    assert fill("$a ${a} ${a:regex} $ab $b", {"a": "1"}) == "1 1 1 $ab $b"


@pytest.mark.parametrize(
    ("value", "text"), [('a"b', 'a\\"b'), ("a\\b", "a\\\\b"), (ALL, "/x\\\\.y|/z"), ("/parts/{id}", "/parts/{id}")]
)
def test_values_stay_inside_their_quotes(value: str, text: str) -> None:
    assert Variable("v", "v", [ALL, "/x.y", "/z"], value, "").text == text


def paths(svg: str) -> list[str]:
    """The lines' own paths, in the order of drawing: their commands."""
    root = ET.fromstring(svg)  # noqa: S314 - drawn here
    return [item.get("d", "") for item in root.iter("{http://www.w3.org/2000/svg}path") if item.get("stroke-width")]


def test_an_outage_is_a_gap() -> None:
    before, after = line(1, 2, 3).points, line(3, 2, 1, start=SPAN.start + 600).points
    assert len(paths(draw.graph(panel(), [Series({}, before + after)], SPAN, SEOUL))) == 2
    assert len(paths(draw.graph(panel(), [Series({}, before)], SPAN, SEOUL))) == 1


def test_stacked_series_lie_on_each_other() -> None:
    stacked = panel(min=0, custom={"stacking": {"mode": "normal"}})
    series = [line(1, 1), line(2, 2)]
    top, bottom = paths(draw.graph(stacked, series, SPAN, SEOUL))
    ground = 8 * 36 - 110 - 22
    heights = [ground - float(re.findall(r"[\d.]+", path)[1]) for path in (bottom, top)]
    assert heights[1] == pytest.approx(3 * heights[0], rel=0.02)


def test_only_series_with_a_red_override_are_red() -> None:
    red = {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}
    bare = {"id": "custom.fillOpacity", "value": 0}
    one = panel(custom={"fillOpacity": 10})
    one.overrides = [
        {"matcher": {"id": "byRegexp", "options": "5.."}, "properties": [red]},
        {"matcher": {"id": "byRegexp", "options": "limit"}, "properties": [red, bare]},
    ]
    assert [one.line(name, 0) for name in ("503", "limit")] == [(COLORS["red"], 10), (COLORS["red"], 0)]
    others = [one.line("200", number) for number in range(20)]
    assert {fill for _, fill in others} == {10}
    assert len({color for color, _ in others}) == 8
    assert COLORS["red"] not in {color for color, _ in others}
    svg = draw.graph(one, [Series({}, line(1, 2).points, "200"), Series({}, line(5, 5).points, "limit")], SPAN, SEOUL)
    assert f'fill="none" stroke="{COLORS["red"]}"' in svg
    assert f'fill="{COLORS["red"]}" fill-opacity="0"' in svg


def test_thresholds_are_lines_where_they_can_be_seen() -> None:
    steps = {"steps": [{"color": "green", "value": None}, {"color": "red", "value": 5}]}
    shown = panel(thresholds=steps, custom={"thresholdsStyle": {"mode": "dashed"}}, min=0)
    assert "stroke-dasharray" in draw.graph(shown, [line(1, 9)], SPAN, SEOUL)
    assert "stroke-dasharray" not in draw.graph(shown, [line(1, 2)], SPAN, SEOUL)
    assert "stroke-dasharray" not in draw.graph(panel(thresholds=steps), [line(1, 9)], SPAN, SEOUL)


def test_colours_follow_the_thresholds() -> None:
    steps = {
        "steps": [{"color": "green", "value": None}, {"color": "yellow", "value": 75}, {"color": "red", "value": 90}]
    }
    one = panel(thresholds=steps)
    assert [one.color(value) for value in (0, 74.9, 75, 90)] == ["#3f9c4b", "#3f9c4b", "#c9a300", "#d0384b"]


def test_days_begin_at_midnight_where_the_reader_is() -> None:
    week = TimeRange(1_700_000_000 - 7 * 86400, 1_700_000_000, 1_700_000_000, 2520, 15)
    svg = draw.graph(panel(), [line(1, 2)], week, SEOUL)
    labels = {day: float(x) for x, day in re.findall(r'x="([\d.]+)"[^>]*>(\d\d/\d\d)<', svg)}
    assert list(labels) == ["11/09", "11/11", "11/13", "11/15"]
    midnight = datetime(2023, 11, 9, tzinfo=SEOUL).timestamp()
    left, right = 76, 8 * 60 - 22
    assert labels["11/09"] == pytest.approx(left + (midnight - week.start) / (7 * 86400) * (right - left), abs=0.1)


@pytest.mark.parametrize("values", [(), (math.nan,), (math.inf, math.nan)])
@pytest.mark.parametrize("kind", ["stat", "timeseries"])
def test_panels_without_values_show_no_data(kind: str, values: tuple[float, ...]) -> None:
    series = [line(*values)] if values else []
    one = panel(kind)
    svg = draw.stat(one, series, SPAN) if kind == "stat" else draw.graph(one, series, SPAN, SEOUL)
    assert "No data" in svg
    assert not re.search(r"\b(nan|inf)\b", svg)


def test_board_stays_small() -> None:
    """Under 800 lines of code: what is more than that should be Grafana."""
    total = 0
    for file in (ROOT / "board/board").glob("*.py"):
        text = file.read_text()
        documented = [
            range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1)
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node) is not None
        ]
        skipped = {number for lines in documented for number in lines}
        code = [number for number, row in enumerate(text.splitlines(), 1) if row.strip() and row.strip()[0] != "#"]
        total += len(set(code) - skipped)
    assert 500 < total < 800
