#!/usr/bin/python
"""Look at the stack on its nodes."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, docker, http_request

DOCUMENTATION = r"""
module: swarm_check
short_description: Check the stack
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = """
- swarm_check:
    expected: {project: jiucom, nodes: 3, edges: [10.0.0.11], scheme: http, port: 80, certificate: '', open: [80]}
"""
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_swarm.}"

checks = Checks("swarm")
# The services of the API, and how many of their replicas Prometheus sees.
API = ("app", "pictures")
# Without those that it has not asked any more, as after a restart of its own.
UP = 'sum(up{job="jiucom-api"} and (time() - timestamp(up{job="jiucom-api"}) < 20))'


@checks.check("nodes", "each node is there, and takes tasks")
def nodes(expected: dict[str, Any]) -> Seen:
    found = engine.get("/nodes")
    away = [
        f"{one['Description']['Hostname']}: {one['Status']['State']}, {one['Spec']['Availability']}"
        for one in found
        if one["Status"]["State"] != "ready" or one["Spec"]["Availability"] != "active"
    ]
    managers = sum(one["Spec"]["Role"] == "manager" for one in found)
    return not away and len(found) == expected["nodes"], ", ".join(
        away
    ) or f"{len(found)} nodes, {managers} of them managers"


@checks.check("services", "each service runs as often as it should")
def running(expected: dict[str, Any]) -> Seen:
    found = engine.stack_services(expected["project"])
    few = [
        f"{one['Spec']['Name']}: {status['RunningTasks']} of {status['DesiredTasks']}"
        for one in found
        if (status := one["ServiceStatus"])["RunningTasks"] != status["DesiredTasks"] or not status["DesiredTasks"]
    ]
    tasks = sum(one["ServiceStatus"]["RunningTasks"] for one in found)
    return bool(found) and not few, ", ".join(few) or f"{tasks} tasks of {len(found)} services"


@checks.check("edges", "each gateway answers, and the API behind it")
def edges(expected: dict[str, Any]) -> Seen:
    silent = []
    for address in expected["edges"]:
        for path in ("/health", "/api/v1/actuator/health", "/api/v1/parts?size=1"):
            try:
                status = http_request(f"{expected['scheme']}://{address}:{expected['port']}{path}").status
            except OSError as fault:
                silent.append(f"{address}{path}: {fault}")
                continue
            if status != 200:
                silent.append(f"{address}{path}: {status}")
    return not silent, "; ".join(silent) or f"{len(expected['edges'])} gateways"


@checks.check("certificate", "each gateway serves the certificate that was deployed")
def certificate(expected: dict[str, Any]) -> Seen:
    if not expected["certificate"]:
        return True, "gateway_tls is none: the gateways speak HTTP, and what is in front of them TLS"
    wanted = ssl.PEM_cert_to_DER_cert(first_certificate(Path(expected["certificate"]).read_text()))
    other = []
    for address in expected["edges"]:
        try:
            served = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, expected["port"]), timeout=10))
            other += [] if served == wanted else [f"{address}: another one"]
        except OSError as fault:
            other.append(f"{address}: {fault}")
    return not other, "; ".join(other) or f"{len(expected['edges'])} gateways"


def first_certificate(pem: str) -> str:
    """Return the first certificate of a PEM file, as text."""
    return pem[pem.index(ssl.PEM_HEADER) : pem.index(ssl.PEM_FOOTER) + len(ssl.PEM_FOOTER)]


@checks.check("ports", "nothing but the gateway is published, and that on its nodes alone")
def ports(expected: dict[str, Any]) -> Seen:
    found = [
        (one["Spec"]["Name"], port.get("PublishedPort"), port.get("PublishMode"))
        for one in engine.stack_services(expected["project"])
        for port in one["Spec"].get("EndpointSpec", {}).get("Ports") or []
    ]
    other = [f"{name} {port} ({mode})" for name, port, mode in found if port not in expected["open"] or mode != "host"]
    return not other, ", ".join(other) or ", ".join(f"{name} {port} ({mode})" for name, port, mode in found)


@checks.check("metrics", "Prometheus sees each replica of the API")
def metrics(expected: dict[str, Any]) -> Seen:
    # From whatever container of the network runs here: Prometheus may be on another node.
    label = [f"{engine.STACK}={expected['project']}"]
    here = {
        one["Labels"]["com.docker.swarm.service.name"].rpartition("_")[2]: one["Id"]
        for one in engine.get(engine.filtered("/containers/json", label=label))
    }
    container = next(here[name] for name in ("nginx", "prometheus", "grafana", "zipkin") if name in here)
    wanted = sum(
        one["ServiceStatus"]["DesiredTasks"]
        for one in engine.stack_services(expected["project"])
        if one["Spec"]["Name"].removeprefix(f"{expected['project']}_") in API
    )
    url = f"http://prometheus:9090/api/v1/query?query={quote(UP)}"
    result = json.loads(docker("exec", container, "wget", "-q", "-O", "-", "-T", "5", url))["data"]["result"]
    seen = int(float(result[0]["value"][1])) if result else 0
    return seen == wanted, f"{seen} of {wanted} replicas"


if __name__ == "__main__":
    checks.run()
