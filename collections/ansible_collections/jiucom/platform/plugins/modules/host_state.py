#!/usr/bin/python
"""Ask the host everything that preflight and the roles compare with, in one step."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

DOCUMENTATION = r"""
module: host_state
short_description: Ask the host about Docker, ports, networks, disk and an earlier installation
description: [Changes nothing. What cannot be asked, as on a host without Docker, is empty.]
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  data_root: {type: str, default: '', description: Where Docker will keep images and data; empty asks Docker.}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.host_state: {path: /opt/jiucom, project: jiucom}"
RETURN = r"""
docker: {type: dict, returned: always, description: 'answers, version, compose, buildx, swarm, data_root, default_registry.'}
volumes: {type: list, returned: always, description: Names of Docker's volumes.}
networks: {type: list, returned: always, description: 'Docker networks: name and subnets.'}
routes: {type: list, returned: always, description: 'Networks of the host: destination and device.'}
taken: {type: list, returned: always, description: 'Listening TCP ports of others: address and port.'}
disk: {type: dict, returned: always, description: 'path and free_mb of the disk where Docker keeps its data.'}
installed: {type: bool, returned: always, description: Whether compose.yaml is there.}
versions: {type: dict, returned: always, description: Versions that wrote the volumes.}
"""


def ask(path: str, empty: Any) -> Any:
    """Ask Docker; `empty` where it does not answer."""
    try:
        return engine.get(path, seconds=20)
    except engine.EngineError:
        return empty


def docker(module: AnsibleModule) -> dict[str, Any]:
    """Describe Docker: what is installed, and what the daemon says of itself."""
    info = ask("/info", {})
    state: dict[str, Any] = {
        "installed": shutil.which("dockerd") is not None or shutil.which("docker") is not None,
        "answers": bool(info),
        "version": info.get("ServerVersion", ""),
        "swarm": info.get("Swarm", {}).get("LocalNodeState", "inactive") != "inactive",
        "data_root": info.get("DockerRootDir", ""),
        "default_registry": "",
        "compose": "",
        "buildx": "",
    }
    for name, index in (info.get("RegistryConfig", {}).get("IndexConfigs") or {}).items():
        if index.get("Official"):
            state["default_registry"] = name
    for plugin, command in (("compose", ["compose", "version", "--short"]), ("buildx", ["buildx", "version"])):
        if shutil.which("docker"):
            code, out, _ = module.run_command(["docker", *command])
            if code == 0 and out.split():
                state[plugin] = next(word for word in reversed(out.split()) if word.lstrip("v")[:1].isdigit()).lstrip(
                    "v"
                )
    return state


def hexadecimal_address(text: str) -> str:
    """Decode an address of /proc/net/tcp or tcp6: hexadecimal words in the host's byte order."""
    words = [bytes.fromhex(text[n : n + 8])[::-1] for n in range(0, len(text), 8)]
    return str(ipaddress.ip_address(b"".join(words)))


def listening() -> list[dict[str, Any]]:
    """List the listening TCP sockets of the host: address and port."""
    found = []
    for table in ("tcp", "tcp6"):
        path = Path("/proc/1/net") / table
        if not os.access(path, os.R_OK):
            path = Path("/proc/net") / table
        for line in path.read_text().splitlines()[1:] if path.exists() else []:
            local, state = line.split()[1], line.split()[3]
            if state == "0A":
                address, port = local.split(":")
                found.append({"address": hexadecimal_address(address), "port": int(port, 16)})
    return found


def own_ports(project: str) -> set[int]:
    """Return the host ports that this platform's containers publish."""
    path = engine.filtered("/containers/json", label=[f"com.docker.compose.project={project}"])
    return {port["PublicPort"] for one in ask(path, []) for port in one.get("Ports") or [] if "PublicPort" in port}


def routes(module: AnsibleModule) -> list[dict[str, str]]:
    """List the host's networks: destination and device, the default routes left out."""
    found = []
    for family in ("-4", "-6"):
        if shutil.which("ip"):
            _, out, _ = module.run_command(["ip", family, "-json", "route"])
            found += [
                {"destination": route["dst"], "device": route.get("dev", "")}
                for route in json.loads(out or "[]")
                if route["dst"] != "default"
            ]
    return found


def disk(path: str) -> dict[str, Any]:
    """Measure the free space at a path; what is not there yet will lie on the disk of what is above it."""
    place = Path(path)
    while not place.exists():
        place = place.parent
    space = os.statvfs(place)
    return {"path": path, "free_mb": space.f_bavail * space.f_frsize // 1024**2}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file; empty where there is none."""
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "data_root": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    base, project = Path(module.params["path"]), module.params["project"]
    state = docker(module)
    ours = own_ports(project)
    networks = [
        {"name": one["Name"], "subnets": [c["Subnet"] for c in one["IPAM"].get("Config") or [] if "Subnet" in c]}
        for one in ask("/networks", [])
    ]
    module.exit_json(
        changed=False,
        docker=state,
        volumes=[volume["Name"] for volume in ask("/volumes", {}).get("Volumes") or []],
        networks=networks,
        routes=routes(module),
        taken=[socket for socket in listening() if socket["port"] not in ours],
        disk=disk(module.params["data_root"] or state["data_root"] or "/var/lib/docker"),
        installed=(base / "compose.yaml").is_file(),
        versions=read_json(base / ".versions.json"),
    )


if __name__ == "__main__":
    main()
