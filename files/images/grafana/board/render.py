"""From a dashboard's model and an address's parameters to what the page shows."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from . import draw
from .panels import Panel, panels_of
from .prometheus import Prometheus, QueryError, Series
from .timerange import TimeRange
from .units import format_value
from .variables import Variable, fill, resolve


@dataclass(frozen=True)
class LegendRow:
    """A line of a graph's legend."""

    color: str
    name: str
    last: str
    highest: str


@dataclass(frozen=True)
class View:
    """A panel, drawn: `svg` for stats and graphs, `columns` and `rows` for tables, `fault` when there is neither."""

    panel: Panel
    svg: str = ""
    legend: tuple[LegendRow, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    fault: str = ""


async def dashboard(
    model: dict[str, Any], asked: Mapping[str, str], prometheus: Prometheus, span: TimeRange, zone: ZoneInfo
) -> tuple[list[Variable], list[View]]:
    """Resolve the variables, ask all queries side by side, draw all panels. A fault shows in its panel alone."""
    try:
        variables = await resolve(model, asked, prometheus, span)
    except QueryError:
        variables = []  # each panel's own query will say what is wrong
    values = {variable.name: variable.text for variable in variables} | span.macros()
    return variables, await asyncio.gather(
        *(panel_view(panel, values, prometheus, span, zone) for panel in panels_of(model))
    )


async def panel_view(
    panel: Panel, values: Mapping[str, str], prometheus: Prometheus, span: TimeRange, zone: ZoneInfo, height: int = 0
) -> View:
    """Draw one panel; `height` overrides that of its place in the grid (pixels)."""
    if panel.type not in ("stat", "timeseries", "table"):
        return View(panel, fault="" if panel.type == "row" else f"board는 {panel.type} 패널을 그리지 않습니다")
    try:
        series = await _ask(panel, values, prometheus, span)
    except QueryError as fault:
        return View(panel, fault=str(fault))
    if panel.type == "table":
        return _table(panel, [line for _, line in series])
    lines = [line for _, line in series]
    if panel.type == "stat":
        return View(panel, svg=draw.stat(panel, lines, span))
    legend = tuple(_legend_row(panel, index, name, line) for index, (name, line) in enumerate(series))
    return View(panel, svg=draw.graph(panel, lines, span, zone, height), legend=legend)


async def _ask(
    panel: Panel, values: Mapping[str, str], prometheus: Prometheus, span: TimeRange
) -> list[tuple[str, Series]]:
    questions = [
        prometheus.instant(fill(target.expr, values), span.end)
        if target.instant
        else prometheus.range(fill(target.expr, values), span)
        for target in panel.targets
    ]
    answers = await asyncio.gather(*questions)
    return [
        (target.name(series.labels), series)
        for target, answer in zip(panel.targets, answers, strict=True)
        for series in answer
    ]


def _legend_row(panel: Panel, index: int, name: str, series: Series) -> LegendRow:
    known = [value for _, value in series.points if math.isfinite(value)]
    last, highest = (
        format_value(v, panel.unit, panel.decimals) for v in ((known[-1], max(known)) if known else (math.nan,) * 2)
    )
    return LegendRow(draw.PALETTE[index % len(draw.PALETTE)], name, last, highest)


def _table(panel: Panel, series: list[Series]) -> View:
    names = sorted({label for line in series for label in line.labels} - panel.hidden)
    rows = tuple(
        (*(line.labels.get(name, "") for name in names), format_value(line.points[-1][1], panel.unit, panel.decimals))
        for line in series
    )
    return View(panel, columns=(*names, "Value"), rows=rows, fault="" if rows else panel.no_value)
