#!/usr/bin/python
"""Look at Prometheus, Grafana, Alertmanager and the report from the host: D1 to D6, H1, H3.4, H3.5."""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

from ansible.module_utils.promises import Promises, Seen, containers, docker, eventually, http_request

DOCUMENTATION = r"""
module: monitoring_check
short_description: Look at the promises about monitoring
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- monitoring_check: {facts: {prometheus: 'http://127.0.0.1:9090', project: jiucom}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


def address(facts: dict[str, Any], service: str) -> str:
    """Return a service's address inside the network, as the host reaches it: in prod nothing is published."""
    container = containers(facts["project"])[service][0]
    ip = container["NetworkSettings"]["Networks"][facts["network"]]["IPAddress"]
    return f"http://{ip}:{facts['ports'][service]}"


def prometheus(facts: dict[str, Any], path: str) -> Any:
    """Return the data of Prometheus's answer."""
    return http_request(f"{address(facts, 'prometheus')}/api/v1/{path}").json()["data"]


def series(facts: dict[str, Any], expr: str) -> list[Any]:
    """Evaluate an expression now."""
    return list(prometheus(facts, f"query?query={quote(expr)}")["result"])


def grafana(facts: dict[str, Any], path: str) -> Any:
    """Ask Grafana's (or board's) API as the administrator."""
    account = base64.b64encode(f"{facts['user']}:{facts['password']}".encode()).decode()
    answer = http_request(
        f"{address(facts, 'grafana')}/grafana/api/{path}", headers={"Authorization": f"Basic {account}"}
    )
    if answer.status != 200:
        raise RuntimeError(f"/grafana/api/{path} answers {answer.status}")
    return answer.json()


@promises.promise(
    "D1", "three jobs, and those of exporters that are on, with all targets UP, every replica of app among them"
)
def targets(facts: dict[str, Any]) -> Seen:
    def look() -> Seen:
        active = prometheus(facts, "targets?state=active")["activeTargets"]
        strange = {t["labels"]["job"] for t in active} - {*facts["jobs"], *facts["extra_jobs"]}
        up = {job: [t for t in active if t["labels"]["job"] == job and t["health"] == "up"] for job in facts["jobs"]}
        replicas = [c for c in containers(facts["project"])["app"] if c["State"]["Running"]]
        down = [f"{t['scrapeUrl']}: {t['lastError']}" for t in active if t["health"] != "up"]
        down += [f"{job} is not to be scraped" for job in sorted(strange)]
        seen = ", ".join(f"{job} {len(found)}" for job, found in up.items())
        kept = not down and all(up.values()) and len(up["jiucom-api"]) == len(replicas)
        return kept, "; ".join([seen, f"{len(replicas)} replicas", *down])

    return eventually(look, seconds=40)  # two scrapes and a look at the DNS


@promises.promise("D1", "scraped every 15 s, kept for 15 days")
def pace(facts: dict[str, Any]) -> Seen:
    intervals = {t["scrapeInterval"] for t in prometheus(facts, "targets?state=active")["activeTargets"]}
    retention = prometheus(facts, "status/flags")["storage.tsdb.retention.time"]
    kept = intervals == {facts["interval"]} and retention in (facts["retention"], "2w1d")
    return kept, f"every {', '.join(sorted(intervals))}, kept {retention}"


@promises.promise("D2", "the API's requests by method, route, status, outcome and exception")
def labels(facts: dict[str, Any]) -> Seen:
    found = series(facts, 'http_server_requests_seconds_count{job="jiucom-api"}')
    wanted = {"method", "uri", "status", "outcome", "exception"}
    names = set.intersection(*(set(item["metric"]) for item in found)) if found else set()
    return wanted <= names, f"{len(found)} series, labels {', '.join(sorted(names & wanted))}"


@promises.promise("D3", "the old names of the manual's chapter 4 answer with data")
def old_names(facts: dict[str, Any]) -> Seen:
    def look() -> Seen:
        missing = [name for name in facts["old_names"] if not series(facts, name)]
        return not missing, f"missing: {', '.join(missing)}" if missing else f"{len(facts['old_names'])} names"

    return eventually(look, seconds=90)  # on a fresh start: two scrapes, and the rules after them


@promises.promise("D4", "the datasource is in place")
def datasource(facts: dict[str, Any]) -> Seen:
    found = [(source["type"], source["url"]) for source in grafana(facts, "datasources")]
    return ("prometheus", facts["datasource"]) in found, ", ".join(f"{kind} {url}" for kind, url in found)


@promises.promise("D5", "dashboard jiucom-main: four rows, sixteen panels, refreshed every 10 s")
def dashboard(facts: dict[str, Any]) -> Seen:
    model = grafana(facts, "dashboards/uid/jiucom-main")["dashboard"]
    rows = [panel for panel in model["panels"] if panel["type"] == "row"]
    seen = len(rows), len(model["panels"]) - len(rows), model["refresh"]
    return seen == (4, 16, "10s"), "{} rows, {} panels, refresh {}".format(*seen)


@promises.promise("D6", "the alert rules are loaded and evaluated without an error")
def rules(facts: dict[str, Any]) -> Seen:
    groups = prometheus(facts, "rules?type=alert")["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    wrong = [f"{rule['name']}: {rule['lastError']}" for rule in found if rule.get("lastError")]
    firing = [rule["name"] for rule in found if rule["state"] == "firing"]
    return bool(found) and not wrong, "; ".join([f"{len(found)} rules, firing: {', '.join(firing) or 'none'}", *wrong])


@promises.promise("H3.4", "alerts go to Alertmanager where it is on, and nowhere where it is off")
def alertmanager(facts: dict[str, Any]) -> Seen:
    def look() -> Seen:
        found = [one["url"] for one in prometheus(facts, "alertmanagers")["activeAlertmanagers"]]
        return found == facts["alertmanagers"], ", ".join(found) or "off"

    return eventually(look, seconds=10)  # Prometheus has just been told of it


@promises.promise("H3.5", "the weekly report waits for its time where it is on, and does not run where it is off")
def report(facts: dict[str, Any]) -> Seen:
    found = containers(facts["project"]).get("report", [])
    if not facts["report"]:
        return not found, "runs" if found else "off"
    lines = docker("logs", "--tail", "1", found[0]["Id"]).splitlines()
    return any("next at" in line for line in lines), lines[-1] if lines else "says nothing"


@promises.promise("H1", "the login page, directly and through the gateway")
def login(facts: dict[str, Any]) -> Seen:
    answers = [http_request(f"{base}/grafana/login") for base in (address(facts, "grafana"), facts["gateway"])]
    health = http_request(f"{address(facts, 'grafana')}/grafana/api/health").json()
    kept = all(answer.status == 200 and b"<html" in answer.body for answer in answers)
    product = health.get("product", "grafana")
    return kept, f"{', '.join(str(answer.status) for answer in answers)} from {product} {health.get('version')}"


if __name__ == "__main__":
    promises.run()
