#!/usr/bin/python
"""Name what is wrong with monitoring and what to do: the manual's "no Prometheus targets" and "Grafana without data" (H2)."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.checks import containers, docker, http_request

DOCUMENTATION = r"""
module: monitoring_diagnose
short_description: Name what is wrong with monitoring and what to do
description:
  - Changes nothing. Each finding is one line, its remedy after a colon.
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- monitoring_diagnose: {expected: {project: jiucom, network: jiucom-network}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_monitoring.}"

Found = dict[str, list[dict[str, Any]]]


def stopped(found: Found, service: str) -> Iterator[str]:
    """Say when a service has no running container."""
    states = [container["State"]["Status"] for container in found.get(service, [])]
    if "running" not in states:
        seen = ", ".join(states) or "no container"
        yield f"{service} does not run ({seen}): docker compose logs {service}; docker compose up -d {service}"


def ask(expected: dict[str, Any], found: Found, service: str, path: str, headers: dict[str, str] | None = None) -> Any:
    """Ask a running service's HTTP API by its address in the network."""
    address = found[service][0]["NetworkSettings"]["Networks"][expected["network"]]["IPAddress"]
    return http_request(f"http://{address}:{expected['ports'][service]}{path}", headers=headers).json()


def targets(expected: dict[str, Any], found: Found) -> Iterator[str]:
    """Say which jobs are missing in the configuration that runs, and which targets are down, and why."""
    runtime = ask(expected, found, "prometheus", "/api/v1/status/runtimeinfo")["data"]
    if not runtime["reloadConfigSuccess"]:
        yield "Prometheus refused its last configuration: docker compose logs prometheus; ansible-playbook site.yml"
    active = ask(expected, found, "prometheus", "/api/v1/targets?state=active")["data"]["activeTargets"]
    for job in expected["jobs"]:
        own = [target for target in active if target["labels"]["job"] == job]
        service = "app" if job == "jiucom-api" else job
        if not own:
            yield from stopped(found, service)
            yield f"Prometheus has no target of {job}: docker compose ps {service}; ansible-playbook site.yml"
        for target in own:
            if target["health"] == "down":
                yield f"{target['scrapeUrl']} is down ({target['lastError']}): docker compose logs {service}"


def data(expected: dict[str, Any], found: Found) -> Iterator[str]:
    """Say when Grafana asks another address than Prometheus's, or cannot reach it."""
    account = base64.b64encode(f"{expected['user']}:{expected['password']}".encode()).decode()
    answer = ask(expected, found, "grafana", "/grafana/api/datasources", {"Authorization": f"Basic {account}"})
    if not isinstance(answer, list):
        yield "Grafana refuses the administrator's password: ansible-playbook site.yml; an older volume may hold another one"
        return
    urls = [source["url"] for source in answer if source["type"] == "prometheus"]
    if expected["datasource"] not in urls:
        yield f"Grafana's datasource is {', '.join(urls) or 'missing'}, not {expected['datasource']}: ansible-playbook site.yml"
    try:
        container = found["grafana"][0]["Id"]
        docker("exec", container, "wget", "-q", "-O", "-", "-T", "3", f"{expected['datasource']}/-/ready")
    except RuntimeError as fault:
        yield f"Grafana cannot reach {expected['datasource']} ({fault}): docker network inspect {expected['network']}"


def findings(expected: dict[str, Any]) -> list[str]:
    """Collect all findings; what cannot be asked is a finding too."""
    found = containers(expected["project"])
    lines: list[str] = []
    for service, look in (("prometheus", targets), ("grafana", data)):
        down = list(stopped(found, service))
        try:
            lines += down or list(look(expected, found))
        except (OSError, json.JSONDecodeError, KeyError) as fault:
            lines.append(f"{service} does not answer as it should ({fault!r}): docker compose restart {service}")
    return lines


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "expected": {"type": "dict", "required": True},
            "secrets": {"type": "dict", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    found = findings(module.params["expected"] | module.params["secrets"])
    module.exit_json(changed=False, ansible_facts={"findings_monitoring": found})


if __name__ == "__main__":
    main()
