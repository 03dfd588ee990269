#!/usr/bin/python
"""Look at the containers as such: A1, A3, A4, F1, F2, F3."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers, docker

DOCUMENTATION = r"""
module: platform_check
short_description: Look at the promises about the containers
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- platform_check: {facts: {project: jiucom}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()
MAIN = ("mysql", "redis", "app", "nginx", "prometheus", "grafana", "redis-exporter", "mysql-exporter", "zipkin")
VOLUMES = {
    "mysql": ("mysql-data", "/var/lib/mysql"),
    "redis": ("redis-data", "/data"),
    "prometheus": ("prometheus-data", "/prometheus"),
    "grafana": ("grafana-data", "/var/lib/grafana"),
}


def wanted(facts: dict[str, Any]) -> list[str]:
    """Name the services that are to run: the manual's nine, and what the inventory has turned on."""
    return [*MAIN, *facts["optional"]]


@promises.promise("A1", "nine services and the optional ones that are on run and are healthy, and no others")
def healthy(facts: dict[str, Any]) -> Seen:
    found = containers(facts["project"])
    names = wanted(facts)
    sick = [
        f"{name}: {c['State']['Status']}/{c['State'].get('Health', {}).get('Status', 'no check')}"
        for name in names
        for c in found.get(name, [{"State": {"Status": "missing"}}])
        if c["State"].get("Health", {}).get("Status") != "healthy"
    ]
    sick += [f"{name} is not to run" for name in found if name not in names]
    return not sick, ", ".join(sick) or f"{sum(map(len, found.values()))} containers of {len(names)} services healthy"


@promises.promise("A3", "each listens on its port inside the network")
def ports(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    expected = {name: facts["services"][name]["port"] for name in wanted(facts) if "port" in facts["services"][name]}
    for name, port in expected.items():
        for container in found.get(name, []):
            pid = container["State"]["Pid"]
            listening = set()
            for table in ("tcp", "tcp6"):
                with open(f"/proc/{pid}/net/{table}") as sockets:
                    listening |= {int(line.split()[1].split(":")[1], 16) for line in sockets if " 0A " in line}
            if port not in listening:
                wrong.append(f"{name} listens on {sorted(listening)}, not {port}")
    return not wrong, "; ".join(wrong) or ", ".join(f"{name} {port}" for name, port in expected.items())


@promises.promise("A4", "limits, reservations and shares are those of the table, without swap")
def limits(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name in wanted(facts):
        for container in found.get(name, []):
            row, host = facts["limits"][name], container["HostConfig"]
            wrong += [f"{name} {key} {host[key]} != {row[key]}" for key in row if host[key] != row[key]]
    return not wrong, "; ".join(wrong) or f"{len(wanted(facts))} services as in the table"


@promises.promise("A4", "the kernel enforces the memory limits")
def enforced(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name in wanted(facts):
        memory = facts["limits"][name]["Memory"]
        for container in found.get(name, []):
            limit = docker(
                "exec", container["Id"], "sh", "-c",
                "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true",
            ).split()  # fmt: skip
            if str(memory) not in limit:
                wrong.append(f"{name} {limit} != {memory}")
    return not wrong, "; ".join(wrong) or "read from each container's cgroup"


@promises.promise("F1", "one bridge network, where services are found by name")
def network(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name in wanted(facts):
        for container in found.get(name, []):
            networks = container["NetworkSettings"]["Networks"]
            if list(networks) != [facts["network"]]:
                wrong.append(f"{name} is in {sorted(networks)}")
            elif name not in networks[facts["network"]]["Aliases"]:
                wrong.append(f"{name} has no alias of its name")
    driver = json.loads(docker("network", "inspect", facts["network"]))[0]["Driver"]
    return not wrong and driver == "bridge", "; ".join(wrong) or f"{facts['network']} ({driver})"


@promises.promise("F2", "published ports are those of the inventory and no others")
def published(facts: dict[str, Any]) -> Seen:
    seen = set()
    for group in containers(facts["project"]).values():
        for container in group:
            for bindings in (container["HostConfig"]["PortBindings"] or {}).values():
                seen |= {f"{b['HostIp'] or '0.0.0.0'}:{b['HostPort']}" for b in bindings}  # noqa: S104
    listed = set(facts["published"])
    return seen == listed, ", ".join(sorted(seen)) + ("" if seen == listed else f" instead of {sorted(listed)}")


@promises.promise("F3", "data lies in the manual's volumes")
def volumes(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name, (volume, path) in VOLUMES.items():
        for container in found.get(name, []):
            mounts = {(m.get("Name"), m["Destination"]) for m in container["Mounts"] if m["Type"] == "volume"}
            if (f"{facts['project']}_{volume}", path) not in mounts:
                wrong.append(f"{name} has no {volume} at {path}")
    return not wrong, "; ".join(wrong) or ", ".join(volume for volume, _ in VOLUMES.values())


if __name__ == "__main__":
    promises.run()
