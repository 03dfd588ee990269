"""The part of Grafana's panel model that board draws."""

import re
from dataclasses import dataclass
from typing import Any

COLORS = {
    "green": "#3f9c4b",
    "yellow": "#c9a300",
    "orange": "#e07b1a",
    "red": "#d0384b",
    "blue": "#3d7fd6",
    "text": "#8e8e99",
}
_FROM_BASE = float("-inf")


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


@dataclass(frozen=True)
class Panel:
    """A panel or, with the type `row`, a heading."""

    id: int
    type: str
    title: str
    description: str
    grid: dict[str, int]
    targets: list[Target]
    unit: str
    decimals: int | None
    low: float | None
    high: float | None
    steps: list[tuple[float, str]]
    lines: bool
    stacked: bool
    mappings: dict[str, dict[str, str]]
    no_value: str
    hidden: set[str]
    links: list[dict[str, Any]]

    def color(self, value: float) -> str:
        """Return the colour of the highest threshold at or below `value`."""
        reached = [color for limit, color in self.steps if value >= limit]
        return reached[-1] if reached else COLORS["text"]


def panels_of(model: dict[str, Any]) -> list[Panel]:
    """Return a dashboard's panels in reading order; those inside a collapsed row come open, after it."""
    flat = [panel for outer in model.get("panels", []) for panel in [outer, *outer.get("panels", [])]]
    flat.sort(key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"]))
    return [_panel(number, panel) for number, panel in enumerate(flat, start=1)]


def _panel(number: int, model: dict[str, Any]) -> Panel:
    config = model.get("fieldConfig", {})
    defaults = config.get("defaults", {})
    custom = defaults.get("custom", {})
    steps = defaults.get("thresholds", {}).get("steps", [])
    return Panel(
        id=model.get("id") or -number,
        type=model["type"],
        title=model.get("title", ""),
        description=model.get("description", ""),
        grid=model["gridPos"],
        targets=[
            Target(target["expr"], target.get("legendFormat", ""), bool(target.get("instant")))
            for target in model.get("targets", [])
            if target.get("expr") and not target.get("hide")
        ],
        unit=defaults.get("unit", "none"),
        decimals=defaults.get("decimals"),
        low=defaults.get("min"),
        high=defaults.get("max"),
        steps=[
            (
                _FROM_BASE if step.get("value") is None else float(step["value"]),
                COLORS.get(step["color"], step["color"]),
            )
            for step in steps
        ],
        lines=custom.get("thresholdsStyle", {}).get("mode", "off") != "off",
        stacked=custom.get("stacking", {}).get("mode", "none") != "none",
        mappings={
            value: result
            for mapping in defaults.get("mappings", [])
            if mapping["type"] == "value"
            for value, result in mapping["options"].items()
        },
        no_value=defaults.get("noValue", "No data"),
        hidden={
            column
            for change in model.get("transformations", [])
            if change["id"] == "organize"
            for column, off in change.get("options", {}).get("excludeByName", {}).items()
            if off
        },
        links=model.get("links", []),
    )
