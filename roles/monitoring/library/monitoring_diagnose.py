#!/usr/bin/python
"""Find out why Prometheus has no targets and Grafana no data, as the manual's table has it (H2)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import http_request
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault, healthy, inside

DOCUMENTATION = r"""
module: monitoring_diagnose
short_description: Name what is wrong with monitoring and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- monitoring_diagnose: {expected: {project: jiucom, network: jiucom-network}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_monitoring.}"

diagnosis = Diagnosis("monitoring")
SITE = "ansible-playbook site.yml"


def ask(expected: dict[str, Any], container: dict[str, Any], service: str, path: str, user: str = "") -> Any:
    """Ask a service's HTTP API by its address in the network; `user` is name and password with a colon."""
    address = container["NetworkSettings"]["Networks"][expected["network"]]["IPAddress"]
    headers = {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else None
    return http_request(f"http://{address}:{expected['ports'][service]}{path}", headers=headers).json()


@diagnosis.look
def targets(expected: dict[str, Any]) -> Iterator[Fault]:
    """Prometheus does not scrape what it should, or cannot."""
    for container in healthy(expected["project"], "prometheus")[:1]:
        runtime = ask(expected, container, "prometheus", "/api/v1/status/runtimeinfo")["data"]
        if not runtime["reloadConfigSuccess"]:
            seen = "/api/v1/status/runtimeinfo: reloadConfigSuccess is false"
            yield Fault(
                "Prometheus refused its configuration", "prometheus", seen, f"docker compose logs prometheus; {SITE}"
            )
        active = ask(expected, container, "prometheus", "/api/v1/targets?state=active")["data"]["activeTargets"]
        for job in expected["jobs"]:
            own = [target for target in active if target["labels"]["job"] == job]
            # Those that the gateway serves from the host's files have its name.
            service = {"jiucom-api": "app", "certificate": "nginx", "backup": "nginx", "drift": "nginx"}.get(job, job)
            down = [target for target in own if target["health"] == "down"]
            if not own:
                seen = f"/api/v1/targets: none of job {job}"
                yield Fault(
                    "no Prometheus target", "prometheus", seen, f"{SITE}; docker compose ps {service}", (service,)
                )
            elif down:
                seen = f"/api/v1/targets: {down[0]['scrapeUrl']} is down: {down[0]['lastError']}"
                type_ = f"docker compose logs --tail 50 {service}; docker compose up -d {service}"
                yield Fault("no Prometheus target", "prometheus", seen, type_, (service,))


@diagnosis.look
def data(expected: dict[str, Any]) -> Iterator[Fault]:
    """Grafana asks another address than Prometheus's, or cannot reach it."""
    for container in healthy(expected["project"], "grafana")[:1]:
        user = f"{expected['user']}:{expected['password']}"
        try:
            answer = ask(expected, container, "grafana", "/grafana/api/datasources", user)
        except json.JSONDecodeError:
            answer = {}
        if not isinstance(answer, list):
            type_ = f"{SITE}; a new one: playbooks/rotate.yml -e secret=monitoring_grafana_admin_password"
            yield Fault(
                "secret rejected", "grafana", f"/grafana/api/datasources as {expected['user']}: {answer}", type_
            )
            continue
        urls = [source["url"] for source in answer if source["type"] == "prometheus"]
        wanted = expected["datasource"]
        if wanted not in urls:
            seen = f"/grafana/api/datasources: {', '.join(urls) or 'none of Prometheus'}, not {wanted}"
            yield Fault("Grafana without data", "grafana", seen, f"{SITE}; docker compose restart grafana")
            continue
        code, said = inside(container["Id"], "wget", "-q", "-O", "-", "-T", "3", f"{wanted}/-/ready")
        if code:
            type_ = f"docker network inspect {expected['network']}; docker compose restart prometheus grafana"
            yield Fault("Grafana without data", "grafana", f"from grafana, {wanted}: {said}", type_, ("prometheus",))


if __name__ == "__main__":
    diagnosis.run()
