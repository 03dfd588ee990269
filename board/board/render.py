"""From a dashboard's model and an address's parameters to what the page shows."""

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from zoneinfo import ZoneInfo

from . import draw
from .language import t
from .panels import Panel, panels_of
from .prometheus import Prometheus, QueryError, Series
from .timerange import TimeRange
from .units import format_value
from .variables import Variable, fill, resolve


@dataclass(frozen=True)
class View:
    """A panel, drawn: `svg` with its `legend` (colour, name, last, highest), or a table's `columns` and `rows`."""

    panel: Panel
    svg: str = ""
    legend: tuple[tuple[str, str, str, str], ...] = ()
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
    views = [_view(panel, values, prometheus, span, zone) for panel in panels_of(model)]
    return variables, await asyncio.gather(*views)


async def _view(
    panel: Panel, values: Mapping[str, str], prometheus: Prometheus, span: TimeRange, zone: ZoneInfo
) -> View:
    if panel.type not in ("stat", "timeseries", "table"):
        unknown = t(f"board는 {panel.type} 패널을 그리지 않습니다", f"board draws no {panel.type} panels")
        return View(panel, fault="" if panel.type == "row" else unknown)
    try:
        series = await _ask(panel, values, prometheus, span)
    except QueryError as fault:
        return View(panel, fault=str(fault))
    if panel.type == "table":
        return _table(panel, series)
    if panel.type == "stat":
        return View(panel, svg=draw.stat(panel, series, span))
    legend = tuple(_legend_row(panel, index, line) for index, line in enumerate(series))
    return View(panel, svg=draw.graph(panel, series, span, zone), legend=legend)


async def _ask(panel: Panel, values: Mapping[str, str], prometheus: Prometheus, span: TimeRange) -> list[Series]:
    questions = [(target, fill(target.expr, values)) for target in panel.targets]
    answers = await asyncio.gather(
        *(prometheus.instant(q, span.last) if t.instant else prometheus.range(q, span) for t, q in questions)
    )
    pairs = zip(panel.targets, answers, strict=True)
    return [replace(line, name=target.name(line.labels)) for target, lines in pairs for line in lines]


def _legend_row(panel: Panel, index: int, series: Series) -> tuple[str, str, str, str]:
    known = [value for _, value in series.points if math.isfinite(value)] or [math.nan]
    last, highest = (format_value(value, panel.unit, panel.decimals) for value in (known[-1], max(known)))
    return panel.line(series.name, index)[0], series.name, last, highest


def _table(panel: Panel, series: list[Series]) -> View:
    names = sorted({label for line in series for label in line.labels})
    values = [format_value(line.points[-1][1], panel.unit, panel.decimals) for line in series]
    rows = tuple(
        (*(line.labels.get(name, "") for name in names), value) for line, value in zip(series, values, strict=True)
    )
    return View(panel, columns=(*names, "Value"), rows=rows, fault="" if rows else panel.no_value)
