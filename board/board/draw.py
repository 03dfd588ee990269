"""Panels as SVG, drawn on the server: the same picture for the browser and for the report mail."""

import math
from collections.abc import Callable, Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from .panels import COLORS, GREY, Panel
from .prometheus import Series
from .timerange import TimeRange
from .units import axis_ticks, format_tick, format_value

_EMPTY = "#33363d"
_TIME_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
_COLUMN, _ROW = 60, 36  # pixels of a cell of Grafana's grid
_LEFT, _RIGHT = 76, 22  # room for the labels of the axes

Points = Sequence[tuple[float, float]]
Scale = Callable[[float], float]


def stat(panel: Panel, series: Sequence[Series], span: TimeRange) -> str:
    """The last value, large, on the colour of its threshold, over the line of the whole range."""
    width, height = panel.columns * _COLUMN, panel.rows * _ROW - 30
    points = [point for point in (series[0].points if series else []) if math.isfinite(point[1])]
    text, color = panel.no_value, _EMPTY
    if points:
        value = points[-1][1]
        mapping = panel.mappings.get(f"{value:g}", {})
        text = mapping.get("text") or format_value(value, panel.unit, panel.decimals)
        color = COLORS.get(mapping.get("color", ""), panel.color(value))
    body = f'<rect width="{width}" height="{height}" rx="4" fill="{color}"/>'
    if len(points) > 1:
        low, high = min(v for _, v in points), max(v for _, v in points)
        x, y = _scale(span.start, span.end, 0, width), _scale(low, high, height - 6, height * 0.72)
        lines = "".join(_line(piece) for piece in _pieces(points, span.step, x, y))
        body += f'<path d="{lines}" fill="none" stroke="#fff" stroke-opacity=".55" stroke-width="1.5"/>'
    size = min(54.0, 1.4 * width / max(len(text), 4))
    body += (
        f'<text x="{width / 2:g}" y="{height * 0.45:g}" font-size="{size:g}" font-weight="600" fill="#fff"'
        f' text-anchor="middle" dominant-baseline="central">{escape(text)}</text>'
    )
    return _svg(width, height, body, f"{panel.title}: {text}")


def graph(panel: Panel, series: Sequence[Series], span: TimeRange, zone: ZoneInfo) -> str:
    """Lines over time with both axes, thresholds as dashed lines, areas on top of each other when stacked."""
    width, height = panel.columns * _COLUMN, panel.rows * _ROW - 110
    bottom, end = height - 22, width - _RIGHT
    lines = _stack(series) if panel.stacked else [line.points for line in series]
    values = [value for line in lines for _, value in line if math.isfinite(value)]
    low = min(values, default=0.0) if panel.low is None else panel.low
    high = max(values, default=1.0) if panel.high is None else panel.high
    ticks = axis_ticks(low, high if high > low else low + (abs(low) or 1.0), panel.unit, count=4)
    x, y = _scale(span.start, span.end, _LEFT, end), _scale(ticks[0], ticks[-1], bottom, 8)
    body = f'<g font-size="12" fill="{GREY}">' + _values_axis(panel.unit, ticks, y, end)
    body += _time_axis(span, zone, x, bottom) + "</g>"
    for index in reversed(range(len(lines))):
        color, fill = panel.line(series[index].name, index)
        for piece in _pieces(lines[index], span.step, x, y):
            area = f"{_line(piece)}L{piece[-1][0]:.1f} {bottom}L{piece[0][0]:.1f} {bottom}Z"
            body += f'<path d="{area}" fill="{color}" fill-opacity="{fill / 100:g}"/>'
            body += f'<path d="{_line(piece)}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    for limit, color in panel.steps if panel.lines else []:
        if ticks[0] <= limit <= ticks[-1]:
            body += f'<path d="M{_LEFT} {y(limit):.1f}H{end}" stroke="{color}" stroke-dasharray="6 5"/>'
    if not values:
        body += f'<text x="{width / 2:g}" y="{height / 2:g}" fill="{GREY}">{escape(panel.no_value)}</text>'
    return _svg(width, height, body, panel.title)


def _svg(width: float, height: float, body: str, label: str) -> str:
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"'
        f""" aria-label="{escape(label)}" font-family="system-ui, 'DejaVu Sans', sans-serif">{body}</svg>"""
    )


def _scale(low: float, high: float, start: float, end: float) -> Scale:
    factor = (end - start) / ((high - low) or 1.0)
    return lambda value: start + (value - low) * factor


def _pieces(points: Points, step: float, x: Scale, y: Scale) -> list[list[tuple[float, float]]]:
    """Cut a line where samples are missing, so that an outage is a gap and not a straight line."""
    pieces: list[list[tuple[float, float]]] = []
    last = -math.inf
    for moment, value in points:
        if math.isfinite(value):
            if moment - last > 1.5 * step:
                pieces.append([])
            pieces[-1].append((x(moment), y(value)))
            last = moment
    return pieces


def _line(piece: Points) -> str:
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in piece) + ("h1" if len(piece) == 1 else "")


def _stack(series: Sequence[Series]) -> list[Points]:
    total: dict[float, float] = {}
    lines: list[Points] = []
    for line in series:
        for moment, value in line.points:
            total[moment] = total.get(moment, 0.0) + (value if math.isfinite(value) else 0.0)
        lines.append([(moment, total[moment]) for moment, _ in line.points])
    return lines


def _values_axis(unit: str, ticks: list[float], y: Scale, end: float) -> str:
    return "".join(
        f'<path d="M{_LEFT} {y(tick):.1f}H{end}" stroke="{GREY}" stroke-opacity=".25"/>'
        f'<text x="{_LEFT - 8}" y="{y(tick):.1f}" text-anchor="end" dominant-baseline="central">'
        f"{escape(format_tick(tick, unit))}</text>"
        for tick in ticks
    )


def _time_axis(span: TimeRange, zone: ZoneInfo, x: Scale, bottom: float) -> str:
    most = max(int((x(span.end) - x(span.start)) / 90), 2)
    step = next((step for step in _TIME_STEPS if (span.end - span.start) / step <= most), _TIME_STEPS[-1])
    offset = datetime.fromtimestamp(span.start, zone).utcoffset()
    shift = int(offset.total_seconds()) if offset else 0  # days begin at midnight where the reader is
    pattern = "%H:%M" if step < 43200 else "%m/%d"
    return "".join(
        f'<path d="M{x(moment):.1f} 8V{bottom}" stroke="{GREY}" stroke-opacity=".15"/>'
        f'<text x="{x(moment):.1f}" y="{bottom + 19}" text-anchor="middle">'
        f"{datetime.fromtimestamp(moment, zone).strftime(pattern)}</text>"
        for moment in range(-(-(span.start + shift) // step) * step - shift, span.end + 1, step)
    )
