"""The tables of the manual and of the monitoring page."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
import yaml

from jiucom.app import operations as api_operations
from jiucom.web.openapi import document
from tools.docs.data import ROOT, defaults, dependencies, is_optional, read, say, services, setting, steps
from tools.docs.markdown import code, table

PURPOSES = {
    "mysql": "main database: users, parts, builds, posts",
    "redis": "cache of answers and prices, sessions, the API's own rate limits",
    "app": "the JIUCOM API (Starlette), built from `api/`",
    "prometheus": "collects metrics, evaluates alerts",
    "zipkin": "keeps and shows traces",
    "grafana": "dashboards",
    "redis-exporter": "Redis's figures as metrics",
    "mysql-exporter": "MySQL's figures as metrics",
    "nginx": "API gateway: the only way in",
    "alertmanager": "sends alerts by webhook and mail",
    "node-exporter": "the host's figures as metrics",
    "nginx-exporter": "the gateway's figures as metrics",
    "report": "mails the weekly report",
    "opensearch": "keeps traces on disk",
    "trace-jobs": "removes old traces, counts which service calls which",
    "mysql-replica-1": "follows MySQL and takes reads",
    "mysql-replica-2": "follows MySQL and takes reads",
}
CONTENTS = {
    "mysql-data": "MySQL's files",
    "redis-data": "Redis's append-only files",
    "uploads": "uploaded images",
    "prometheus-data": "metrics",
    "grafana-data": "Grafana's users and settings; dashboards are files of the installation",
    "alertmanager-data": "silences",
    "opensearch-data": "traces",
    "mysql-replica-1-data": "the replica's copy of MySQL's files",
    "mysql-replica-2-data": "the replica's copy of MySQL's files",
}
ROUTES = {
    "= /": "redirect to the API's documentation, `/api/v1/swagger-ui.html`",
    "= /health": "200 `OK` of nginx itself",
    "/api/v1/": "the API, with the rate limit",
    "~ ^/api/v1/auth/(login|signup|password/reset|password/reset-request)$": "the API, with the stricter limit of log-ins",
    "/api/v1/ws": "notifications: STOMP over WebSocket or SockJS",
    "/api/v1/actuator/health": "the API's health, not limited",
    "/api/v1/actuator": "the API's metrics and settings, for administrators",
    "/grafana/": "dashboards; Grafana's own log-in",
    "/zipkin/": "traces, for administrators",
    "/prometheus/": "Prometheus, for administrators, where `gateway_prometheus` turns it on",
    "/": "404 for everything else",
}


def _rendered(template: str) -> str:
    """Render a role's template with everything on that an inventory can turn on."""
    environment = jinja2.Environment(undefined=jinja2.ChainableUndefined)  # noqa: S701 - configuration, not HTML
    environment.filters |= {"comment": str, "to_json": json.dumps}
    exporters = [name for name in services() if is_optional(name) and name.endswith("-exporter")]
    switches = {
        "ansible_managed": "",
        "gateway_prometheus": True,
        "platform_backup_enabled": True,
        "platform_drift_reported": True,
        "platform_services": services(),
        "platform_tls": "acme",
        "_monitoring_optional_exporters": exporters,
        "_monitoring_replicas": True,
    }
    return environment.from_string((ROOT / template).read_text()).render(defaults() | switches)


def service_table(language: str) -> str:
    """Write each service with its image, port and purpose."""
    rows = (
        [
            code(name),
            code(row["image"]) if row.get("image") else "–",
            str(row.get("port", "–")),
            say(PURPOSES[name], language) + (f" ({say('optional', language)})" if is_optional(name) else ""),
        ]
        for name, row in services().items()
    )
    return table(language, ["service", "official image", "port", "what for"], rows)


def limits(language: str) -> str:
    """Write the limits and reservations of each service."""
    rows = (
        [code(name), str(row["cpus"]), row["memory"], str(row["cpus_reserved"]), row["memory_reserved"]]
        for name, row in services().items()
    )
    return table(language, ["service", "CPU at most", "memory at most", "CPU reserved", "memory reserved"], rows)


def start_order(language: str) -> str:
    """Write in which step each of the nine services starts, and what it waits for."""
    waits = {
        name: ", ".join(f"{code(other)} ({say(how, language)})" for other, how in others.items())
        for name, others in dependencies().items()
    }
    rows = ([str(number), code(name), waits[name] or "–"] for number, step in enumerate(steps(), 1) for name in step)
    return table(language, ["step", "service", "waits for"], rows)


def ports(language: str) -> str:
    """Write which ports of the host lead where, in both inventories."""
    published = {
        "nginx": ("gateway", "gateway"),
        "nginx (HTTPS)": ("gateway_https", "gateway"),
        "app": ("direct", "direct"),
        "prometheus": ("prometheus", "monitoring"),
        "grafana": ("grafana", "monitoring"),
        "zipkin": ("zipkin", "monitoring"),
    }

    def where(port: str, bind: str, environment: str) -> str:
        address = setting(f"platform_{bind}_bind", environment)
        if not address or (port == "gateway_https" and setting("gateway_tls", environment) == "none"):
            return "–"
        return code(f"{address}:{setting(f'platform_{port}_port', environment)}")

    rows = (
        [name, code(f"platform_{port}_port"), *(where(port, bind, environment) for environment in ("dev", "prod"))]
        for name, (port, bind) in published.items()
    )
    return table(language, ["service", "variable", "in dev", "in prod"], rows)


def volumes(language: str) -> str:
    """Write the volumes of the services."""
    rows = (
        [code(volume), code(name), code(path), say(CONTENTS[volume], language)]
        for name, row in services().items()
        for volume, path in row.get("volumes", {}).items()
    )
    return table(language, ["volume", "service", "path in the container", "what it holds"], rows)


def routes(language: str) -> str:
    """Write what the gateway's paths lead to; an unknown or missing path is an error."""
    found = re.findall(r"^location (.+) \{$", _rendered("roles/gateway/templates/routes.conf.j2"), re.MULTILINE)
    # Redirects of a path without its slash at the end are left out.
    paths = [path for path in found if not (path.startswith("= ") and f"{path[2:]}/" in found)]
    if set(paths) != set(ROUTES):
        raise ValueError(f"tools/docs/tables.py: ROUTES has not the paths of the gateway: {set(paths) ^ set(ROUTES)}")
    return table(language, ["path", "what is there"], ([code(path), say(ROUTES[path], language)] for path in ROUTES))


def jobs(language: str) -> str:
    """Write what Prometheus scrapes."""
    found = yaml.safe_load(_rendered("roles/monitoring/templates/prometheus.yml.j2"))["scrape_configs"]

    def target(job: dict[str, Any]) -> str:
        if "static_configs" in job:
            return ", ".join(code(one) for static in job["static_configs"] for one in static["targets"])
        return ", ".join(
            f"{code(':'.join((name, str(dns['port']))))} ({say('every replica', language)})"
            for dns in job["dns_sd_configs"]
            for name in dns["names"]
        )

    rows = ([code(job["job_name"]), target(job), code(job.get("metrics_path", "/metrics"))] for job in found)
    return table(language, ["job", "target", "path"], rows)


def old_names(language: str) -> str:
    """Write the first edition's metrics, and the API's own that they are recorded from."""
    rules = [rule for group in read("files/rules/recording.yml")["groups"] for rule in group["rules"]]
    found = {rule["record"]: rule["expr"].split("{")[0] for rule in rules if ":" not in rule["record"]}
    return table(
        language,
        ["name of the first edition", "name of the API"],
        ([code(old), code(own)] for old, own in found.items()),
    )


def sampling(language: str) -> str:
    """Write which share of the requests the inventories trace."""
    rows = ([code(name), str(setting("tracing_sampling", name))] for name in ("dev", "prod"))
    return table(language, ["inventory", "share of requests traced"], rows)


def alerts(language: str) -> str:
    """Write the alerts, each with its place in the runbook."""
    summary = "summary" if language == "ko" else "summary_en"

    def shown(rule: dict[str, Any]) -> str:
        text = re.sub(r"\{\{ *\$labels\.(\w+) *\}\}", r"`\1`", rule["annotations"][summary])
        return re.sub(r"\{\{.*?\}\}", "N", text)

    rules = [rule for group in read("files/rules/alerts.yml")["groups"] for rule in group["rules"]]
    rows = (
        [f"[{rule['alert']}](runbook.md#{rule['alert'].lower()})", rule["labels"]["severity"], shown(rule)]
        for rule in rules
    )
    return table(language, ["alert", "severity", "meaning"], rows)


def dashboard(language: str) -> str:
    """Write the rows and panels of the main dashboard."""
    suffix = "" if language == "ko" else ".en"
    panels = json.loads((ROOT / f"files/dashboards/jiucom-main{suffix}.json").read_text())["panels"]
    rows: list[list[str]] = []
    for panel in panels:
        if panel["type"] == "row":
            rows.append([panel["title"], "", ""])
        else:
            rows[-1][1] = panel["type"]
            rows[-1][2] += (", " if rows[-1][2] else "") + panel["title"]
    return table(language, ["row", "kind", "panels"], rows)


def operations(language: str) -> str:
    """Write the API's operations by domain."""
    every = api_operations()
    rows = []
    for tag in (tag["name"] for tag in document(every)["tags"]):
        own = [each for each in every if each.tag == tag]
        paths = "<br>".join(code(f"{each.method} {each.path}") for each in own)
        rows.append([tag, str(len(own)), str(sum(each.access == "public" for each in own)), paths])
    total = [f"**{say('together', language)}**", *(str(sum(int(row[column]) for row in rows)) for column in (1, 2)), ""]
    return table(language, ["domain", "operations", "of these open to everyone", "method and path"], [*rows, total])
