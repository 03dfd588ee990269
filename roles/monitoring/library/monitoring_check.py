#!/usr/bin/python
"""Look at Prometheus, Grafana, Alertmanager and the report from the host: D1 to D6, H1, H3.4, H3.5."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from ansible_collections.jiucom.platform.plugins.module_utils.checks import (
    Checks,
    Seen,
    address,
    containers,
    docker,
    eventually,
    http_request,
)

DOCUMENTATION = r"""
module: monitoring_check
short_description: Check monitoring
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- monitoring_check: {expected: {prometheus: 'http://127.0.0.1:9090', project: jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_monitoring.}"

checks = Checks("monitoring")


def prometheus(expected: dict[str, Any], path: str) -> Any:
    """Return the data of Prometheus's answer."""
    return http_request(f"{address(expected, 'prometheus')}/api/v1/{path}").json()["data"]


def series(expected: dict[str, Any], expr: str) -> list[Any]:
    """Evaluate an expression now."""
    return list(prometheus(expected, f"query?query={quote(expr)}")["result"])


def grafana(expected: dict[str, Any], path: str) -> Any:
    """Ask Grafana's (or board's) API as the administrator."""
    account = base64.b64encode(f"{expected['user']}:{expected['password']}".encode()).decode()
    answer = http_request(
        f"{address(expected, 'grafana')}/grafana/api/{path}", headers={"Authorization": f"Basic {account}"}
    )
    if answer.status != 200:
        raise RuntimeError(f"/grafana/api/{path} answers {answer.status}")
    return answer.json()


@checks.check(
    "D1", "three jobs, and those of exporters that are on, with all targets UP, every replica of app among them"
)
def targets(expected: dict[str, Any]) -> Seen:
    def look() -> Seen:
        active = prometheus(expected, "targets?state=active")["activeTargets"]
        strange = {t["labels"]["job"] for t in active} - {*expected["jobs"], *expected["extra_jobs"]}
        up = {job: [t for t in active if t["labels"]["job"] == job and t["health"] == "up"] for job in expected["jobs"]}
        replicas = [c for c in containers(expected["project"])["app"] if c["State"]["Running"]]
        down = [f"{t['scrapeUrl']}: {t['lastError']}" for t in active if t["health"] != "up"]
        down += [f"{job} is not to be scraped" for job in sorted(strange)]
        seen = ", ".join(f"{job} {len(found)}" for job, found in up.items())
        passed = not down and all(up.values()) and len(up["jiucom-api"]) == len(replicas)
        return passed, "; ".join([seen, f"{len(replicas)} replicas", *down])

    return eventually(look, seconds=40)  # two scrapes and a look at the DNS


@checks.check("D1", "scraped every 15 s, kept for 15 days")
def pace(expected: dict[str, Any]) -> Seen:
    intervals = {t["scrapeInterval"] for t in prometheus(expected, "targets?state=active")["activeTargets"]}
    retention = prometheus(expected, "status/flags")["storage.tsdb.retention.time"]
    passed = intervals == {expected["interval"]} and retention in (expected["retention"], "2w1d")
    return passed, f"every {', '.join(sorted(intervals))}, kept {retention}"


@checks.check("D2", "the API's requests by method, route, status, outcome and exception")
def labels(expected: dict[str, Any]) -> Seen:
    found = series(expected, 'http_server_requests_seconds_count{job="jiucom-api"}')
    wanted = {"method", "uri", "status", "outcome", "exception"}
    names = set.intersection(*(set(item["metric"]) for item in found)) if found else set()
    return wanted <= names, f"{len(found)} series, labels {', '.join(sorted(names & wanted))}"


@checks.check("D3", "the old names of the manual's chapter 4 answer with data")
def old_names(expected: dict[str, Any]) -> Seen:
    def look() -> Seen:
        missing = [name for name in expected["old_names"] if not series(expected, name)]
        return not missing, f"missing: {', '.join(missing)}" if missing else f"{len(expected['old_names'])} names"

    return eventually(look, seconds=90)  # on a fresh start: two scrapes, and the rules after them


@checks.check("D4", "the datasource is in place")
def datasource(expected: dict[str, Any]) -> Seen:
    found = [(source["type"], source["url"]) for source in grafana(expected, "datasources")]
    return ("prometheus", expected["datasource"]) in found, ", ".join(f"{kind} {url}" for kind, url in found)


@checks.check("D5", "dashboard jiucom-main: four rows, sixteen panels, refreshed every 10 s")
def dashboard(expected: dict[str, Any]) -> Seen:
    model = grafana(expected, "dashboards/uid/jiucom-main")["dashboard"]
    rows = [panel for panel in model["panels"] if panel["type"] == "row"]
    seen = len(rows), len(model["panels"]) - len(rows), model["refresh"]
    return seen == (4, 16, "10s"), "{} rows, {} panels, refresh {}".format(*seen)


@checks.check("D6", "the alert rules are loaded and evaluated without an error")
def rules(expected: dict[str, Any]) -> Seen:
    groups = prometheus(expected, "rules?type=alert")["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    wrong = [f"{rule['name']}: {rule['lastError']}" for rule in found if rule.get("lastError")]
    firing = [rule["name"] for rule in found if rule["state"] == "firing"]
    return bool(found) and not wrong, "; ".join([f"{len(found)} rules, firing: {', '.join(firing) or 'none'}", *wrong])


@checks.check("H3.4", "alerts go to Alertmanager where it is on, and nowhere where it is off")
def alertmanager(expected: dict[str, Any]) -> Seen:
    def look() -> Seen:
        found = [one["url"] for one in prometheus(expected, "alertmanagers")["activeAlertmanagers"]]
        return found == expected["alertmanagers"], ", ".join(found) or "off"

    return eventually(look, seconds=10)  # Prometheus has just been told of it


@checks.check("H3.5", "the weekly report waits for its time where it is on, and does not run where it is off")
def report(expected: dict[str, Any]) -> Seen:
    found = containers(expected["project"]).get("report", [])
    if not expected["report"]:
        return not found, "runs" if found else "off"
    lines = docker("logs", "--tail", "1", found[0]["Id"]).splitlines()
    return any("next at" in line for line in lines), lines[-1] if lines else "says nothing"


@checks.check("H1", "the login page, directly and through the gateway")
def login(expected: dict[str, Any]) -> Seen:
    answers = [http_request(f"{base}/grafana/login") for base in (address(expected, "grafana"), expected["gateway"])]
    health = http_request(f"{address(expected, 'grafana')}/grafana/api/health").json()
    passed = all(answer.status == 200 and b"<html" in answer.body for answer in answers)
    product = health.get("product", "grafana")
    return passed, f"{', '.join(str(answer.status) for answer in answers)} from {product} {health.get('version')}"


if __name__ == "__main__":
    checks.run()
