#!/usr/bin/python
"""Look at the containers as such: A1, A3, A4, F1, F2, F3."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers, docker

DOCUMENTATION = r"""
module: platform_check
short_description: Look at the promises about the nine containers
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


@promises.promise("A1", "nine services run and are healthy")
def healthy(facts: dict[str, Any]) -> Seen:
    found = containers(facts["project"])
    sick = [
        f"{name}: {c['State']['Status']}/{c['State'].get('Health', {}).get('Status', 'no check')}"
        for name in MAIN
        for c in found.get(name, [{"State": {"Status": "missing"}}])
        if c["State"].get("Health", {}).get("Status") != "healthy"
    ]
    return not sick, ", ".join(sick) or f"{sum(len(found[n]) for n in MAIN)} containers of {len(MAIN)} services healthy"


@promises.promise("A3", "each listens on its port inside the network")
def ports(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name in MAIN:
        for container in found.get(name, []):
            pid, wanted = container["State"]["Pid"], facts["services"][name]["port"]
            listening = set()
            for table in ("tcp", "tcp6"):
                with open(f"/proc/{pid}/net/{table}") as sockets:
                    listening |= {int(line.split()[1].split(":")[1], 16) for line in sockets if " 0A " in line}
            if wanted not in listening:
                wrong.append(f"{name} listens on {sorted(listening)}, not {wanted}")
    return not wrong, "; ".join(wrong) or ", ".join(f"{n} {facts['services'][n]['port']}" for n in MAIN)


@promises.promise("A4", "limits, reservations and shares are those of the table, without swap")
def limits(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name, wanted in facts["limits"].items():
        for container in found.get(name, []):
            host = container["HostConfig"]
            seen = {
                "NanoCpus": host["NanoCpus"],
                "Memory": host["Memory"],
                "MemoryReservation": host["MemoryReservation"],
                "MemorySwap": host["MemorySwap"],
                "CpuShares": host["CpuShares"],
            }
            wrong += [f"{name} {key} {seen[key]} != {wanted[key]}" for key in seen if seen[key] != wanted[key]]
    return not wrong, "; ".join(wrong) or f"{len(facts['limits'])} services as in the table"


@promises.promise("A4", "the kernel enforces the memory limits")
def enforced(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name, wanted in facts["limits"].items():
        for container in found.get(name, []):
            limit = docker(
                "exec", container["Id"], "sh", "-c",
                "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true",
            ).split()  # fmt: skip
            if str(wanted["Memory"]) not in limit:
                wrong.append(f"{name} {limit} != {wanted['Memory']}")
    return not wrong, "; ".join(wrong) or "read from each container's cgroup"


@promises.promise("F1", "one bridge network, where services are found by name")
def network(facts: dict[str, Any]) -> Seen:
    wrong, found = [], containers(facts["project"])
    for name in MAIN:
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
    wanted = set(facts["published"])
    return seen == wanted, ", ".join(sorted(seen)) + ("" if seen == wanted else f" instead of {sorted(wanted)}")


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
