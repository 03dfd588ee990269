#!/usr/bin/python
"""Check the containers as such: A1, A3, A4, F1, F2, F3, S1."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers, docker

DOCUMENTATION = r"""
module: platform_check
short_description: Check the containers
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- platform_check: {expected: {project: jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_platform.}"

checks = Checks("platform")


def wanted(expected: dict[str, Any]) -> list[str]:
    """Name the services that are to run: the rows of the service table that are on."""
    return list(expected["services"])


@checks.check("A1", "nine services and the optional ones that are on run and are healthy, and no others")
def healthy(expected: dict[str, Any]) -> Seen:
    found = containers(expected["project"])
    names = wanted(expected)
    sick = [
        f"{name}: {c['State']['Status']}/{c['State'].get('Health', {}).get('Status', 'no check')}"
        for name in names
        for c in found.get(name, [{"State": {"Status": "missing"}}])
        if c["State"].get("Health", {}).get("Status") != "healthy"
    ]
    sick += [f"{name} is not to run" for name in found if name not in names]
    return not sick, ", ".join(sick) or f"{sum(map(len, found.values()))} containers of {len(names)} services healthy"


@checks.check("A3", "each listens on its port inside the network")
def ports(expected: dict[str, Any]) -> Seen:
    wrong, found = [], containers(expected["project"])
    ports = {
        name: expected["services"][name]["port"] for name in wanted(expected) if "port" in expected["services"][name]
    }
    for name, port in ports.items():
        for container in found.get(name, []):
            pid = container["State"]["Pid"]
            listening = set()
            for table in ("tcp", "tcp6"):
                with open(f"/proc/{pid}/net/{table}") as sockets:
                    listening |= {int(line.split()[1].split(":")[1], 16) for line in sockets if " 0A " in line}
            if port not in listening:
                wrong.append(f"{name} listens on {sorted(listening)}, not {port}")
    return not wrong, "; ".join(wrong) or ", ".join(f"{name} {port}" for name, port in ports.items())


@checks.check("A4", "limits, reservations and shares are those of the table, without swap")
def limits(expected: dict[str, Any]) -> Seen:
    wrong, found = [], containers(expected["project"])
    for name in wanted(expected):
        for container in found.get(name, []):
            row, host = expected["limits"][name], container["HostConfig"]
            wrong += [f"{name} {key} {host[key]} != {row[key]}" for key in row if host[key] != row[key]]
    return not wrong, "; ".join(wrong) or f"{len(wanted(expected))} services as in the table"


@checks.check("A4", "the kernel enforces the memory limits")
def enforced(expected: dict[str, Any]) -> Seen:
    wrong, found = [], containers(expected["project"])
    for name in wanted(expected):
        memory = expected["limits"][name]["Memory"]
        for container in found.get(name, []):
            limit = docker(
                "exec", container["Id"], "sh", "-c",
                "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true",
            ).split()  # fmt: skip
            if str(memory) not in limit:
                wrong.append(f"{name} {limit} != {memory}")
    return not wrong, "; ".join(wrong) or "read from each container's cgroup"


@checks.check("F1", "one bridge network, where services are found by name; the store of traces has one to itself")
def network(expected: dict[str, Any]) -> Seen:
    wrong, found = [], containers(expected["project"])
    names = {"jiucom": expected["network"], "traces": f"{expected['network']}-traces"}
    for name in wanted(expected):
        own = [names[key] for key in expected["services"][name].get("networks", ["jiucom"])]
        for container in found.get(name, []):
            networks = container["NetworkSettings"]["Networks"]
            if sorted(networks) != sorted(own):
                wrong.append(f"{name} is in {sorted(networks)}")
            elif any(name not in networks[one]["Aliases"] for one in own):
                wrong.append(f"{name} has no alias of its name")
    driver = json.loads(docker("network", "inspect", expected["network"]))[0]["Driver"]
    return not wrong and driver == "bridge", "; ".join(wrong) or f"{expected['network']} ({driver})"


@checks.check("F2", "published ports are those of the inventory and no others")
def published(expected: dict[str, Any]) -> Seen:
    seen = set()
    for group in containers(expected["project"]).values():
        for container in group:
            for bindings in (container["HostConfig"]["PortBindings"] or {}).values():
                for binding in bindings:
                    address = binding["HostIp"] or "0.0.0.0"  # noqa: S104
                    seen.add(f"{f'[{address}]' if ':' in address else address}:{binding['HostPort']}")
    listed = set(expected["published"])
    return seen == listed, ", ".join(sorted(seen)) + ("" if seen == listed else f" instead of {sorted(listed)}")


@checks.check("F3", "data lies in the manual's volumes")
def volumes(expected: dict[str, Any]) -> Seen:
    wrong, found, names = [], containers(expected["project"]), []
    for name, row in expected["services"].items():
        for volume, path in row.get("volumes", {}).items():
            names.append(volume)
            for container in found.get(name, []):
                mounts = {(m.get("Name"), m["Destination"]) for m in container["Mounts"] if m["Type"] == "volume"}
                if (f"{expected['project']}_{volume}", path) not in mounts:
                    wrong.append(f"{name} has no {volume} at {path}")
    return not wrong, "; ".join(wrong) or ", ".join(names)


_SYSTEM = {"/", "/boot", "/dev", "/etc", "/lib", "/proc", "/sys", "/usr"}


def loose(container: dict[str, Any]) -> list[str]:
    """Name what a container may do beyond what it needs (docs/hardening.md)."""
    host, user, mounts = container["HostConfig"], container["Config"]["User"], container["Mounts"]
    options = [option.replace(":", "=") for option in host["SecurityOpt"] or []]
    modes = [host.get(f"{kind}Mode") for kind in ("Network", "Pid", "Ipc", "UTS", "Userns")]
    found = {
        "its root file system is writable": not host["ReadonlyRootfs"],
        "it keeps capabilities": host["CapDrop"] != ["ALL"] or bool(host["CapAdd"]),
        "it is privileged": host["Privileged"],
        "it may gain privileges": "no-new-privileges=true" not in options,
        "its processes are not bounded": not 0 < (host["PidsLimit"] or 0) <= 4096,
        "it runs as root": user.partition(":")[0] in ("", "0", "root"),
        "it holds Docker's socket": any("docker.sock" in mount.get("Source", "") for mount in mounts),
        "it writes to the host's system": any(mount.get("Source") in _SYSTEM and mount["RW"] for mount in mounts),
        "its mounts reach the host": any(mount.get("Propagation", "").endswith("shared") for mount in mounts),
        "it has devices of the host": bool(host.get("Devices")),
        "it shares a namespace of the host": "host" in modes,
        "its system calls are not filtered": "seccomp=unconfined" in options,
        # Empty where the host has no AppArmor.
        "AppArmor lets it do anything": container.get("AppArmorProfile") == "unconfined",
        "its limits are not Docker's": bool(host.get("CgroupParent")),
    }
    return [what for what, seen in found.items() if seen]


@checks.check("S1", "containers are closed: read-only, no capabilities, no new privileges, bounded processes, not root")
def hardened(expected: dict[str, Any]) -> Seen:
    found = containers(expected["project"])
    wrong = [f"{name}: {what}" for name in wanted(expected) for one in found.get(name, []) for what in loose(one)]
    return not wrong, "; ".join(wrong) or f"{sum(map(len, found.values()))} containers"


if __name__ == "__main__":
    checks.run()
