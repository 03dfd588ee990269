#!/usr/bin/python
"""Ask the host everything that preflight and the roles compare with, in one step."""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import daemon, engine

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
docker:
  type: dict
  returned: always
  description:
    - 'Installed: program, packages, enabled, and the versions of version (the engine), compose and buildx.'
    - 'Configured: configuration (path, exists, content, fault), arguments and flags of the running daemon.'
    - 'Of itself, where it answers: swarm, running, live_restore, holds_data, data_root and so on.'
volumes: {type: list, returned: always, description: Names of Docker's volumes.}
networks: {type: list, returned: always, description: 'Docker networks: name and subnets.'}
routes: {type: list, returned: always, description: 'Networks of the host: destination and device.'}
taken: {type: list, returned: always, description: 'Listening TCP ports of others: address and port.'}
disk: {type: dict, returned: always, description: 'path and free_mb of the disk where Docker keeps its data.'}
installed: {type: bool, returned: always, description: Whether compose.yaml is there.}
stacked: {type: bool, returned: always, description: 'Whether the platform is a stack of Swarm here, or where this host manages.'}
node:
  type: dict
  returned: always
  description: 'What the host is in a swarm: id (empty in none), manager, and on a manager the images of the stack.'
drift: {type: bool, returned: always, description: Whether the program that reports drift has been installed.}
maintenance: {type: bool, returned: always, description: Whether the gateway refuses requests because of maintenance.}
versions: {type: dict, returned: always, description: Versions that wrote the volumes.}
time: {type: float, returned: always, description: The host's clock.}
"""


SYSTEMD = Path("/run/systemd/system")


def ask(path: str, empty: Any) -> Any:
    """Ask Docker; `empty` where it does not answer."""
    try:
        return engine.get(path, seconds=20)
    except engine.EngineError:
        return empty


def output(module: AnsibleModule, *command: str) -> str:
    """Run a command and return what it prints; empty where it fails or is not there."""
    if not module.get_bin_path(command[0]):
        return ""
    code, out, _ = module.run_command(list(command))
    return str(out) if code == 0 else ""


def docker(module: AnsibleModule) -> dict[str, Any]:
    """Describe Docker: what is installed, how it is configured, and what the daemon says of itself."""
    info = ask("/info", {})
    flags = daemon.arguments()
    configuration = daemon.read_configuration(daemon.configuration_path(flags))
    root = info.get("DockerRootDir") or configuration["content"].get("data-root") or "/var/lib/docker"
    wanted = module.params["data_root"]
    remaps_users = "name=userns" in (info.get("SecurityOptions") or [])
    # Where Docker remaps users, its root is a directory below the configured one, such as /var/lib/docker/165536.165536.
    configured = os.path.dirname(root) if remaps_users else root
    state: dict[str, Any] = {
        "program": module.get_bin_path("dockerd") or "",
        "packages": daemon.packages(),
        "configuration": configuration,
        "arguments": flags,
        "flags": daemon.flag_names(flags),
        "enabled": not SYSTEMD.is_dir() or output(module, "systemctl", "is-enabled", "docker.service") != "",
        "answers": bool(info),
        "replaced": daemon.replaced(),
        "version": info.get("ServerVersion", "") or daemon.version_number(output(module, "dockerd", "--version")),
        "compose": daemon.version_number(output(module, "docker", "compose", "version", "--short")),
        "buildx": daemon.version_number(output(module, "docker", "buildx", "version")),
        "swarm": info.get("Swarm", {}).get("LocalNodeState", "inactive") != "inactive",
        "running": info.get("ContainersRunning", 0),
        "live_restore": info.get("LiveRestoreEnabled", False),
        "storage_driver": info.get("Driver", ""),
        "remaps_users": remaps_users,
        "snapshotter": ["driver-type", "io.containerd.snapshotter.v1"] in (info.get("DriverStatus") or []),
        "data_root": root,
        "holds_data": daemon.holds_data(root),
        "root_moves": bool(wanted) and os.path.realpath(wanted) != os.path.realpath(configured),
        "default_registry": "",
    }
    for name, index in (info.get("RegistryConfig", {}).get("IndexConfigs") or {}).items():
        if index.get("Official"):
            state["default_registry"] = name
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


def own_containers(project: str) -> dict[str, list[dict[str, Any]]]:
    """List this platform's containers: those of Compose, and those of a stack of Swarm."""
    labels = {"compose": "com.docker.compose.project", "stack": engine.STACK}
    return {
        kind: ask(engine.filtered("/containers/json", label=[f"{label}={project}"]), [])
        for kind, label in labels.items()
    }


def swarm_node(project: str) -> dict[str, Any]:
    """Describe what the host is in a swarm."""
    swarm = ask("/info", {}).get("Swarm", {})
    manager = bool(swarm.get("ControlAvailable"))
    services = ask(engine.filtered("/services", label=[f"{engine.STACK}={project}"]), []) if manager else []
    images = {one["Spec"]["TaskTemplate"]["ContainerSpec"]["Image"] for one in services}
    return {"id": swarm.get("NodeID", ""), "manager": manager, "images": sorted(images)}


def own_ports(containers: dict[str, list[dict[str, Any]]]) -> set[int]:
    """Return the host ports that containers publish."""
    every = [one for group in containers.values() for one in group]
    return {port["PublicPort"] for one in every for port in one.get("Ports") or [] if "PublicPort" in port}


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
    containers = own_containers(project)
    ours = own_ports(containers)
    node = swarm_node(project)
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
        disk=disk(module.params["data_root"] or state["data_root"]),
        installed=(base / "compose.yaml").is_file(),
        stacked=bool(containers["stack"] or node["images"]),
        node=node,
        drift=(base / "drift").is_dir(),
        maintenance=(base / ".maintenance").exists(),
        versions=read_json(base / ".versions.json"),
        time=time.time(),
    )


if __name__ == "__main__":
    main()
