"""The part of Grafana's panel model that board draws."""

import math
import re
from dataclasses import dataclass
from typing import Any

GREY = "#8e8e99"
COLORS = {"green": "#3f9c4b", "yellow": "#c9a300", "orange": "#e07b1a", "red": "#d0384b", "blue": "#3d7fd6"}
# No red: it is for what a dashboard calls bad.
PALETTE = ("#5794f2", "#56a64b", "#e0a400", "#a352cc", "#2aa5a0", "#e07b1a", "#d683ce", "#8a8ad6")


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    expr: str
    legend: str
    instant: bool

    def name(self, labels: dict[str, str]) -> str:
        """Fill the legend's `{{label}}` marks, or write the series as Prometheus does."""
        if self.legend and self.legend != "__auto":
            return re.sub(r"{{\s*(\w+)\s*}}", lambda mark: labels.get(mark[1], ""), self.legend)
        pairs = ", ".join(f'{key}="{value}"' for key, value in labels.items() if key != "__name__")
        return labels.get("__name__", "") + (f"{{{pairs}}}" if pairs else "") or self.expr


class Panel:
    """A panel or, with the type `row`, a heading."""

    def __init__(self, model: dict[str, Any], number: int) -> None:
        defaults = model.get("fieldConfig", {}).get("defaults", {})
        custom = defaults.get("custom", {})
        steps = defaults.get("thresholds", {}).get("steps", [])
        mappings = [item["options"] for item in defaults.get("mappings", []) if item["type"] == "value"]
        self.id: int = model.get("id") or -number
        self.type: str = model["type"]
        self.title: str = model.get("title", "")
        self.description: str = model.get("description", "")
        self.columns: int = model["gridPos"]["w"]
        self.rows: int = model["gridPos"]["h"]
        self.targets = [
            Target(target["expr"], target.get("legendFormat", ""), bool(target.get("instant")))
            for target in model.get("targets", [])
            if target.get("expr") and not target.get("hide")
        ]
        self.unit: str = defaults.get("unit", "none")
        self.decimals: int | None = defaults.get("decimals")
        self.low: float | None = defaults.get("min")
        self.high: float | None = defaults.get("max")
        self.no_value: str = defaults.get("noValue", "No data")
        self.mappings: dict[str, dict[str, str]] = {key: value for item in mappings for key, value in item.items()}
        self.steps = [
            (-math.inf if step.get("value") is None else float(step["value"]), COLORS.get(step["color"], step["color"]))
            for step in steps
        ]
        self.lines: bool = custom.get("thresholdsStyle", {}).get("mode", "off") != "off"
        self.stacked: bool = custom.get("stacking", {}).get("mode", "none") != "none"
        self.fill: float = custom.get("fillOpacity", 0)
        self.overrides: list[dict[str, Any]] = model.get("fieldConfig", {}).get("overrides", [])
        self.links: list[dict[str, Any]] = model.get("links", [])

    def line(self, name: str, number: int) -> tuple[str, float]:
        """Return a series' colour, and the opacity below it in percent: what an override says, or the next in turn."""
        color, fill = PALETTE[number % len(PALETTE)], self.fill
        for item in self.overrides:
            if item["matcher"]["id"] == "byRegexp" and re.fullmatch(item["matcher"]["options"], name):
                properties = {each["id"]: each["value"] for each in item["properties"]}
                color = COLORS.get(properties.get("color", {}).get("fixedColor", ""), color)
                fill = properties.get("custom.fillOpacity", fill)
        return color, fill

    def color(self, value: float) -> str:
        """Return the colour of the highest threshold at or below `value`."""
        reached = [color for limit, color in self.steps if value >= limit]
        return reached[-1] if reached else GREY


def panels_of(model: dict[str, Any]) -> list[Panel]:
    """Return a dashboard's panels in reading order; those inside a collapsed row come open, after it."""
    flat = [panel for outer in model.get("panels", []) for panel in [outer, *outer.get("panels", [])]]
    flat.sort(key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))
    return [Panel(panel, number) for number, panel in enumerate(flat, start=1)]
