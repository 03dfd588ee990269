"""Panels as SVG, drawn on the server: the same picture for the browser and for the report mail."""

import math
from collections.abc import Sequence
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

from .panels import COLORS, Panel
from .prometheus import Series
from .timerange import TimeRange
from .units import axis_ticks, format_value

PALETTE = ("#5794f2", "#56a64b", "#e0a400", "#d0384b", "#a352cc", "#2aa5a0", "#e07b1a", "#8a8ad6")
FONT = "system-ui, 'DejaVu Sans', sans-serif"
_GREY = COLORS["text"]
_TIME_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800)
_COLUMN, _ROW = 60, 36  # pixels of a cell of Grafana's grid

Points = Sequence[tuple[float, float]]


def _svg(width: float, height: float, body: str, label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}"'
        f' height="{height:g}" role="img" aria-label="{escape(label)}" font-family="{FONT}">{body}</svg>'
    )


def _paths(points: Points, step: float, x: "Scale", y: "Scale") -> list[list[tuple[float, float]]]:
    """Cut a line where samples are missing, so that an outage is a gap and not a straight line."""
    pieces: list[list[tuple[float, float]]] = []
    last = -math.inf
    for moment, value in points:
        if not math.isfinite(value):
            continue
        if moment - last > 1.5 * step:
            pieces.append([])
        pieces[-1].append((x(moment), y(value)))
        last = moment
    return pieces


def _line(piece: Points) -> str:
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in piece) + ("h1" if len(piece) == 1 else "")


class Scale:
    """A straight map from [low, high] to [start, end]."""

    def __init__(self, low: float, high: float, start: float, end: float) -> None:
        self._low, self._start = low, start
        self._factor = (end - start) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self._start + (value - self._low) * self._factor


def stat(panel: Panel, series: Sequence[Series], span: TimeRange) -> str:
    """The last value, large, on the colour of its threshold, over the line of the whole range."""
    width, height = panel.grid["w"] * _COLUMN, panel.grid["h"] * _ROW - 30
    points = [point for point in (series[0].points if series else []) if math.isfinite(point[1])]
    value = points[-1][1] if points else None
    text = panel.no_value if value is None else format_value(value, panel.unit, panel.decimals)
    color = _GREY if value is None else panel.color(value)
    if value is not None and f"{value:g}" in panel.mappings:
        mapping = panel.mappings[f"{value:g}"]
        text = mapping.get("text") or text
        color = COLORS.get(mapping.get("color", ""), color)
    body = f'<rect width="{width}" height="{height}" rx="4" fill="{color}"/>'
    if len(points) > 1:
        low, high = min(v for _, v in points), max(v for _, v in points)
        x, y = Scale(span.start, span.end, 0, width), Scale(low, high, height - 6, height * 0.62)
        lines = "".join(_line(piece) for piece in _paths(points, span.step, x, y))
        body += f'<path d="{lines}" fill="none" stroke="#fff" stroke-opacity=".55" stroke-width="1.5"/>'
    size = min(54.0, 1.6 * width / max(len(text), 4))
    body += (
        f'<text x="{width / 2:g}" y="{height * 0.45:g}" font-size="{size:g}" font-weight="600" fill="#fff"'
        f' text-anchor="middle" dominant-baseline="central">{escape(text)}</text>'
    )
    return _svg(width, height, body, f"{panel.title}: {text}")


def graph(panel: Panel, series: Sequence[Series], span: TimeRange, zone: ZoneInfo, height: int = 0) -> str:
    """Lines over time with both axes, thresholds as dashed lines, areas on top of each other when stacked."""
    width, height = panel.grid["w"] * _COLUMN, height or panel.grid["h"] * _ROW - 110
    lines = _stack(series) if panel.stacked else [line.points for line in series]
    values = [value for line in lines for _, value in line if math.isfinite(value)]
    low = panel.low if panel.low is not None else min(values, default=0.0)
    high = panel.high if panel.high is not None else max(values, default=1.0)
    ticks = axis_ticks(low, high if high > low else low + (abs(low) or 1.0), panel.unit, count=4)
    left, bottom = 76, height - 20
    x, y = Scale(span.start, span.end, left, width - 8), Scale(ticks[0], ticks[-1], bottom, 8)
    body = _axes(panel, ticks, span, zone, x, y, width, left, bottom)
    for index in reversed(range(len(lines))):
        color = PALETTE[index % len(PALETTE)]
        for piece in _paths(lines[index], span.step, x, y):
            area = f"{_line(piece)}L{piece[-1][0]:.1f} {bottom}L{piece[0][0]:.1f} {bottom}Z"
            body += f'<path d="{area}" fill="{color}" fill-opacity="{".45" if panel.stacked else ".08"}"/>'
            body += f'<path d="{_line(piece)}" fill="none" stroke="{color}" stroke-width="1.5"/>'
    for limit, color in panel.steps if panel.lines else []:
        if ticks[0] <= limit <= ticks[-1]:
            body += f'<path d="M{left} {y(limit):.1f}H{width - 8}" stroke="{color}" stroke-dasharray="6 5"/>'
    if not values:
        body += f'<text x="{width / 2:g}" y="{height / 2:g}" fill="{_GREY}">{escape(panel.no_value)}</text>'
    return _svg(width, height, body, panel.title)


def _stack(series: Sequence[Series]) -> list[Points]:
    total: dict[float, float] = {}
    lines: list[Points] = []
    for line in series:
        for moment, value in line.points:
            total[moment] = total.get(moment, 0.0) + (value if math.isfinite(value) else 0.0)
        lines.append([(moment, total[moment]) for moment, _ in line.points])
    return lines


def _axes(
    panel: Panel,
    ticks: list[float],
    span: TimeRange,
    zone: ZoneInfo,
    x: Scale,
    y: Scale,
    width: float,
    left: int,
    bottom: int,
) -> str:
    body = f'<g font-size="12" fill="{_GREY}">'
    for tick in ticks:
        body += f'<path d="M{left} {y(tick):.1f}H{width - 8}" stroke="{_GREY}" stroke-opacity=".25"/>'
        body += f'<text x="{left - 8}" y="{y(tick):.1f}" text-anchor="end" dominant-baseline="central">'
        body += f"{escape(format_value(tick, panel.unit))}</text>"
    length = span.end - span.start
    most = max(int((width - left) / 90), 2)
    step = next((step for step in _TIME_STEPS if length / step <= most), _TIME_STEPS[-1])
    offset = int(datetime.fromtimestamp(span.start, zone).utcoffset().total_seconds())  # type: ignore[union-attr]
    moment = -(-(span.start + offset) // step) * step - offset
    while moment <= span.end:
        text = datetime.fromtimestamp(moment, zone).strftime("%H:%M" if step < 43200 else "%m/%d")
        body += f'<path d="M{x(moment):.1f} 8V{bottom}" stroke="{_GREY}" stroke-opacity=".15"/>'
        body += f'<text x="{x(moment):.1f}" y="{bottom + 15}" text-anchor="middle">{text}</text>'
        moment += step
    return body + "</g>"
