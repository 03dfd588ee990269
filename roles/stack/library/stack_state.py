#!/usr/bin/python
"""Compare the running containers with compose.yaml and with the files they were started on."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: stack_state
short_description: Say which services must be started, recreated or reloaded
description:
  - A service is recreated when its definition is not the one its container was made from, or when one of its files is newer
    than the container. The second also finds what a run that broke off left unapplied, and a file edited by hand and restored.
options:
  path: {type: path, required: true, description: Directory of compose.yaml.}
  project: {type: str, required: true, description: Name of the Compose project.}
  services: {type: list, elements: str, required: true, description: Services in their start order.}
  reloadable: {type: list, elements: str, required: true, description: Services that read their files again when told to.}
author: [JIUCOM]
"""
EXAMPLES = "- stack_state: {path: /opt/jiucom, project: jiucom, services: [mysql], reloadable: [nginx]}"
RETURN = r"""
fresh: {type: bool, returned: always, description: Whether no container exists yet.}
recreate: {type: list, returned: always, description: Services to be made anew, in start order.}
reload: {type: list, returned: always, description: Services to be told that their files changed.}
reasons: {type: list, returned: always, description: One line a service that is not as wanted.}
"""


class Host:
    """What the module asks of the host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.path = Path(module.params["path"])

    def docker(self, *args: str) -> str:
        """Run docker in the installation directory and return its output; a failure ends the module."""
        _, out, _ = self.module.run_command(["docker", *args], cwd=str(self.path), check_rc=True)
        return str(out)

    def hashes(self) -> dict[str, str]:
        """Map each service to the hash of its definition in compose.yaml."""
        return dict(line.split() for line in self.docker("compose", "config", "--hash", "*").splitlines())

    def containers(self) -> list[dict[str, Any]]:
        """Inspect the project's containers, stopped ones too."""
        ids = self.docker(
            "ps", "--all", "--quiet", "--filter", f"label=com.docker.compose.project={self.module.params['project']}"
        ).split()
        found: list[dict[str, Any]] = json.loads(self.docker("inspect", *ids)) if ids else []
        return [c for c in found if c["Config"]["Labels"].get("com.docker.compose.oneoff") != "True"]

    def newest(self, service: str) -> float:
        """Return the time of a service's newest file, secrets included; 0 where it has none."""
        return max((p.stat().st_mtime for p in (self.path / service).rglob("*") if p.is_file()), default=0)

    def reloaded(self, service: str) -> float:
        """Return when a service was last told to read its files again."""
        stamp = self.path / ".reloaded" / service
        return stamp.stat().st_mtime if stamp.exists() else 0


def started(container: dict[str, Any]) -> float:
    """Return a container's start as seconds since the epoch."""
    text = container["State"]["StartedAt"]
    return datetime.fromisoformat(text[:19] + "+00:00").timestamp()


def compare(host: Host, services: list[str], reloadable: list[str]) -> dict[str, Any]:
    """Compare what runs with what should."""
    containers = host.containers()
    if not containers:
        return {"fresh": True, "recreate": [], "reload": [], "reasons": ["no container exists yet"]}
    hashes = host.hashes()
    recreate, reload, reasons = [], [], []
    for service in services:
        own = [c for c in containers if c["Config"]["Labels"]["com.docker.compose.service"] == service]
        if not own:
            reasons.append(f"{service}: has no container")
            continue
        newest = host.newest(service)
        if any(c["Config"]["Labels"]["com.docker.compose.config-hash"] != hashes.get(service) for c in own):
            reasons.append(f"{service}: its definition in compose.yaml changed")
            recreate.append(service)
        elif any(c["State"]["Status"] != "running" for c in own):
            reasons.append(f"{service}: {', '.join(c['State']['Status'] for c in own)}")
        elif service in reloadable and newest > max(host.reloaded(service), min(map(started, own))):
            reasons.append(f"{service}: its files are newer than what it has read")
            reload.append(service)
        elif service not in reloadable and newest > min(map(started, own)) + 1:
            reasons.append(f"{service}: its files are newer than its container")
            recreate.append(service)
    return {"fresh": False, "recreate": recreate, "reload": reload, "reasons": reasons}


def main() -> None:
    """Run as an Ansible module."""
    names = {"type": "list", "elements": "str", "required": True}
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "services": names,
            "reloadable": names,
        },
        supports_check_mode=True,
    )
    module.exit_json(changed=False, **compare(Host(module), module.params["services"], module.params["reloadable"]))


if __name__ == "__main__":
    main()
