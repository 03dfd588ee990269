"""What all our dashboards share: the datasource, one way to make each kind of panel, links to the traces."""

from collections.abc import Callable, Sequence
from typing import Literal

from grafana_foundation_sdk.builders import common as common_builder
from grafana_foundation_sdk.builders import dashboard as dashboard_builder
from grafana_foundation_sdk.builders import prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models import prometheus as prometheus_model

Language = Literal["ko", "en"]
Text = Callable[[str, str], str]
"""Picks the Korean or the English of two texts."""

PROMETHEUS = dashboard.DataSourceRef(type_val="prometheus", uid="prometheus")
API = 'job="jiucom-api"'
TRACES = "/zipkin/?serviceName=jiucom-api"


def text_in(language: Language) -> Text:
    """Return the picker for a language."""
    return (lambda ko, _en: ko) if language == "ko" else (lambda _ko, en: en)


def thresholds(
    warn: float | None, critical: float | None, *, below: bool = False
) -> dashboard_builder.ThresholdsConfig:
    """Green, yellow from `warn`, red from `critical`; with `below` red up to `critical` and green from there."""
    if below:
        steps = [dashboard.Threshold(value=None, color="red"), dashboard.Threshold(value=critical, color="green")]
    else:
        steps = [dashboard.Threshold(value=None, color="green")]
        steps += [dashboard.Threshold(value=warn, color="yellow")] if warn is not None else []
        steps += [dashboard.Threshold(value=critical, color="red")] if critical is not None else []
    return dashboard_builder.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def trace_link(title: str, query: str = "") -> dashboard_builder.DashboardLink:
    """A link to Zipkin's search page with `query` (such as `&minDuration=1s`) added to the API's service name."""
    return link(title, TRACES + query)


def link(title: str, url: str) -> dashboard_builder.DashboardLink:
    """A plain link, opened beside the dashboard."""
    return (
        dashboard_builder.DashboardLink(title)
        .type(dashboard.DashboardLinkType.LINK)
        .icon("external link")
        .url(url)
        .target_blank(True)
    )


def _target(ref_id: str, expr: str, legend: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().ref_id(ref_id).datasource(PROMETHEUS).expr(expr).legend_format(legend)


def stat_panel(
    title: str,
    description: str,
    expr: str,
    limits: dashboard_builder.ThresholdsConfig,
    *,
    unit: str = "short",
    decimals: int = 0,
    width: int = 5,
) -> stat.Panel:
    """One big number in the colour of its threshold, over its own small graph."""
    return (
        stat.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .with_target(_target("A", expr, title).range())
        .unit(unit)
        .decimals(decimals)
        .thresholds(limits)
        .color_mode(common.BigValueColorMode.BACKGROUND)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(common_builder.ReduceDataOptions().calcs(["lastNotNull"]))
        .height(5)
        .span(width)
    )


def graph_panel(
    title: str,
    description: str,
    series: Sequence[tuple[str, str]],
    *,
    unit: str,
    limits: dashboard_builder.ThresholdsConfig | None = None,
    links: Sequence[dashboard_builder.DashboardLink] = (),
    stacked: bool = False,
    alarming: str = "",
    limit: str = "",
    width: int = 8,
) -> timeseries.Panel:
    """Lines over time from (expression, legend) pairs; `limits` are drawn as dashed lines.

    Series whose legend matches `alarming`, and the series of the name `limit`, are red, the latter without a filling.
    """
    panel = (
        timeseries.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(70 if stacked else 10)
        .show_points(common.VisibilityMode.NEVER)
        .legend(
            common_builder.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.TABLE)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs(["lastNotNull", "max"])
        )
        .tooltip(common_builder.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
        .links(list(links))
        .height(8)
        .span(width)
    )
    for index, (expr, legend) in enumerate(series):
        panel = panel.with_target(_target("ABCDEFGH"[index], expr, legend).range())
    red = dashboard.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": "red"})
    if alarming:
        panel = panel.override_by_regexp(alarming, [red])
    if limit:
        panel = panel.override_by_regexp(limit, [red, dashboard.DynamicConfigValue("custom.fillOpacity", 0)])
    if stacked:
        panel = panel.stacking(common_builder.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if limits is not None:
        panel = panel.thresholds(limits).thresholds_style(
            common_builder.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    return panel


def table_panel(title: str, description: str, expr: str, *, unit: str, hide: Sequence[str], width: int) -> table.Panel:
    """The result of an instant query as rows: its labels, and the value under the name `Value`."""
    return (
        table.Panel()
        .title(title)
        .description(description)
        .datasource(PROMETHEUS)
        .with_target(_target("A", expr, "").instant().format(prometheus_model.PromQueryFormat.TABLE))
        .with_transformation(
            dashboard.DataTransformerConfig(
                id_val="organize", options={"excludeByName": dict.fromkeys(["Time", *hide], True)}
            )
        )
        .unit(unit)
        .decimals(0)
        .height(8)
        .span(width)
    )


def dashboard_frame(uid: str, title: str, description: str, tags: Sequence[str]) -> dashboard_builder.Dashboard:
    """An empty read-only dashboard: last hour, refreshed every 10 s (D5), in the browser's time zone."""
    return (
        dashboard_builder.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["jiucom", *tags])
        .readonly()
        .refresh("10s")
        .time("now-1h", "now")
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
    )
