"""The manual's diagrams. Their words are names and protocols, the same in every language."""

from __future__ import annotations

from tools.docs.data import dependencies, services, setting, steps
from tools.docs.svg import Arrow, Box, picture

GATEWAY, API, STORE, WATCH, OUTSIDE = "#8250df", "#1f6feb", "#1a7f37", "#9a6700", "#59636e"
COLOURS = {"nginx": GATEWAY, "app": API, "mysql": STORE, "redis": STORE}


def box(name: str, column: float, row: float) -> Box:
    """Return the box of a service, with its port."""
    return Box(column, row, name, f":{services()[name]['port']}", COLOURS.get(name, WATCH))


def boxes(**places: tuple[float, float]) -> dict[str, Box]:
    """Return boxes of services at their places; in Python's names _ stands for the hyphen."""
    return {name: box(name, *place) for key, place in places.items() for name in [key.replace("_", "-")]}


def topology() -> str:
    """Draw the nine services and who calls whom."""
    drawn = boxes(
        nginx=(1, 1), app=(2, 1), mysql=(3, 1), redis=(3, 2), zipkin=(2, 0), grafana=(2, 3), prometheus=(3, 3),
        mysql_exporter=(4, 1), redis_exporter=(4, 2),
    )  # fmt: skip
    if missing := dependencies().keys() - drawn.keys():
        raise ValueError(f"tools/docs/diagrams.py: the topology lacks {missing}")
    arrows = [
        Arrow("client", "nginx", "HTTP(S)"),
        Arrow("nginx", "app", "/api/v1/"),
        Arrow("nginx", "zipkin", "/zipkin/"),
        Arrow("nginx", "grafana", "/grafana/"),
        Arrow("app", "mysql", "SQL"),
        Arrow("app", "redis"),
        Arrow("app", "zipkin", "spans", dashed=True),
        Arrow("grafana", "prometheus", "PromQL"),
        Arrow("prometheus", "app", dashed=True),
        Arrow("prometheus", "mysql-exporter", dashed=True),
        Arrow("prometheus", "redis-exporter", dashed=True),
        Arrow("mysql-exporter", "mysql"),
        Arrow("redis-exporter", "redis"),
    ]
    return picture({"client": Box(0, 1, "client", colour=OUTSIDE), **drawn}, arrows)


def start_order() -> str:
    """Draw the start, a column a step: an arrow leads to what waits."""
    rows = {
        "mysql-exporter": 0,
        "prometheus": 0,
        "grafana": 0,
        "mysql": 1,
        "app": 1,
        "nginx": 1,
        "redis": 2,
        "zipkin": 2,
    }
    drawn = {name: box(name, column, rows.get(name, 3)) for column, step in enumerate(steps()) for name in step}
    return picture(drawn, [Arrow(before, name) for name, waits in dependencies().items() for before in waits])


def request() -> str:
    """Draw a request's way; the numbers are those of the text."""
    drawn = boxes(nginx=(1, 1), app=(2, 1), redis=(3, 0), mysql=(3, 1), zipkin=(3, 2))
    arrows = [
        Arrow("client", "nginx", "1"),
        Arrow("nginx", "app", "2"),
        Arrow("app", "redis", "3"),
        Arrow("app", "mysql", "4"),
        Arrow("app", "zipkin", "6", dashed=True),
    ]
    return picture({"client": Box(0, 1, "client", colour=OUTSIDE), **drawn}, arrows)


def monitoring() -> str:
    """Draw the way of metrics to the eye."""
    drawn = boxes(
        mysql=(0, 0), redis=(0, 1), mysql_exporter=(1, 0), redis_exporter=(1, 1), app=(1, 2), prometheus=(2, 1),
        grafana=(3, 0.5), alertmanager=(3, 1.5),
    )  # fmt: skip
    seconds = setting("monitoring_scrape_interval", "prod")
    arrows = [
        Arrow("mysql", "mysql-exporter", "STATUS"),
        Arrow("redis", "redis-exporter", "INFO"),
        Arrow("mysql-exporter", "prometheus"),
        Arrow("redis-exporter", "prometheus", seconds),
        Arrow("app", "prometheus"),
        Arrow("prometheus", "grafana", "PromQL"),
        Arrow("prometheus", "alertmanager", dashed=True),
    ]
    return picture(drawn, arrows)


PICTURES = {
    "topology.svg": topology,
    "start-order.svg": start_order,
    "request.svg": request,
    "monitoring.svg": monitoring,
}
