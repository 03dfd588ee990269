#!/usr/bin/python
"""Write the platform as a stack of Docker Swarm, and bring the services to it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.comparison import (
    FRAGMENTS,
    ComposeError,
    compose_config,
    load_key,
)
from ansible_collections.jiucom.platform.plugins.module_utils.compose_file import put_together
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace
from ansible_collections.jiucom.platform.plugins.module_utils.swarm import NOTHING, Settings, Stack, stack

DOCUMENTATION = r"""
module: swarm_stack
short_description: Write the platform as a stack of Docker Swarm, and bring the services to it
description:
  - Runs on a manager. The parts of compose.yaml in C(.services) and the files of the services become C(stack.json).
  - Changed services are replaced one task at a time; one that does not become healthy goes back, and the module fails.
  - Configs and secrets that neither a service nor its definition of before uses are removed.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the stack.}
  template: {type: str, required: true, description: 'compose.yaml with a line C(@services@) for the services.'}
  services: {type: list, elements: str, required: true, description: The services.}
  network: {type: str, required: true, description: Name of the overlay network.}
  subnet: {type: str, required: true, description: Its subnet.}
  hosts: {type: int, default: 3, description: Number of hosts.}
  seconds: {type: int, default: 300, description: How long all services together may take.}
  only: {type: str, choices: [write, deploy], default: deploy, description: Whether the file is written alone.}
author: [JIUCOM]
"""
EXAMPLES = (
    "- swarm_stack: {path: /opt/jiucom, project: jiucom, template: '...', services: [redis], network: n, subnet: s}"
)
RETURN = r"""
images: {type: list, returned: always, description: Images of the stack.}
pinned: {type: list, returned: always, description: 'Services that stay on one node, for their volumes.'}
services: {type: list, returned: always, description: Services whose definition changed.}
"""
# States in which a service has gone back to what it was.
_BACK = ("rollback_started", "rollback_paused", "rollback_completed", "paused")


class Deployment:
    """The stack of one installation."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.path = Path(module.params["path"])
        self.label = [f"{engine.STACK}={module.params['project']}"]

    def source(self) -> dict[str, Any]:
        """Return the Compose project as Compose reads it."""
        parts = [(self.path / FRAGMENTS / f"{name}.yaml").read_text() for name in self.params["services"]]
        text = put_together(self.params["template"], parts)
        found: dict[str, Any] = json.loads(compose_config(self.path, "-", "--format", "json", given=text))
        return found

    def made(self) -> Stack:
        """Make the stack."""
        params, key = self.params, load_key(self.path, keep=not self.module.check_mode)
        settings = Settings(self.path, params["project"], params["network"], params["subnet"], key, params["hosts"])
        return stack(self.source(), settings)

    def write(self, made: Stack) -> bool:
        """Write stack.json; returns whether it differs."""
        file, empty = self.path / "stack.json", self.path / ".empty"
        text = (json.dumps(made.written(empty), indent=1, sort_keys=True) + "\n").encode()
        differs = not file.is_file() or file.read_bytes() != text
        if not self.module.check_mode:
            replace(empty, NOTHING, 0, 0, 0o600)
            replace(file, text, 0, 0, 0o600)
        return differs

    def services(self) -> dict[str, dict[str, Any]]:
        """Ask for the stack's services, by the name that they have in it."""
        project = self.params["project"]
        return {one["Spec"]["Name"].removeprefix(f"{project}_"): one for one in engine.stack_services(project)}

    def apply(self) -> list[str]:
        """Bring the services to the file, and wait until they are there; returns the names of those that changed."""
        before = self.services()
        command = ["docker", "stack", "deploy", "--compose-file", str(self.path / "stack.json"), "--prune"]
        # No node asks a registry for the platform's images, which may be in none.
        command += ["--resolve-image", "never", self.params["project"]]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            self.module.fail_json(msg=f"Docker does not take stack.json: {run.stderr.strip()}")
        if "Ignoring" in run.stderr:
            self.module.fail_json(msg=f"Docker leaves something of stack.json out: {run.stderr.strip()}")
        after = self.services()
        changed = [name for name in after if before.get(name, {}).get("Spec") != after[name]["Spec"]]
        changed += [name for name in before if name not in after]
        self.wait({name: updated(one) for name, one in before.items()})
        return changed

    def wait(self, before: dict[str, str]) -> None:
        """Wait until each service runs as it is defined; fails with what does not, and with what went back."""
        end = time.monotonic() + self.params["seconds"]
        while True:
            services = self.services()
            tasks = engine.get(engine.filtered("/tasks", label=self.label))
            back = [
                f"{name} did not become healthy and runs as before: {one['UpdateStatus'].get('Message', '')}"
                for name, one in services.items()
                if one.get("UpdateStatus", {}).get("State") in _BACK and updated(one) != before.get(name, "")
            ]
            late = [fault for name, one in services.items() if (fault := waiting(name, one, tasks))]
            if not late and not back:
                return
            # A service that goes back is waited for, so that what fails is over.
            if (back and not late) or time.monotonic() > end:
                self.module.fail_json(msg="\n".join(back + late), changed=True)
            time.sleep(2)

    def prune(self) -> None:
        """Remove configs and secrets that no definition uses, neither the present ones nor those to go back to."""
        used = set()
        for one in self.services().values():
            for spec in (one["Spec"], one.get("PreviousSpec") or {}):
                container = spec.get("TaskTemplate", {}).get("ContainerSpec", {})
                used |= {entry["ConfigID"] for entry in container.get("Configs") or []}
                used |= {entry["SecretID"] for entry in container.get("Secrets") or []}
        for kind in ("configs", "secrets"):
            for one in engine.get(engine.filtered(f"/{kind}", label=self.label)):
                if one["ID"] not in used:
                    engine.request("DELETE", f"/{kind}/{one['ID']}")


def updated(service: dict[str, Any]) -> str:
    """Return when a service's last update began."""
    return str((service.get("UpdateStatus") or {}).get("StartedAt", ""))


def defined(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a definition without what Docker says of services alone, and without the placement, which replaces no task."""
    return {key: value for key, value in spec.items() if key not in ("Runtime", "Placement")}


def waiting(name: str, service: dict[str, Any], tasks: list[dict[str, Any]]) -> str:
    """Say what a service is not yet; empty where all its tasks run as it is defined."""
    own = [task for task in tasks if task["ServiceID"] == service["ID"]]
    wanted = service["Spec"]["Mode"].get("Replicated", {}).get("Replicas", service["ServiceStatus"]["DesiredTasks"])
    current = [task for task in own if task["DesiredState"] == "running"]
    there = [
        task
        for task in current
        if task["Status"]["State"] == "running" and defined(task["Spec"]) == defined(service["Spec"]["TaskTemplate"])
    ]
    moves = (service.get("UpdateStatus") or {}).get("State") in ("updating", "rollback_started")
    if wanted and len(there) == len(current) == wanted and not moves:
        return ""
    newest = max(own, key=lambda task: task["Status"]["Timestamp"], default=None)
    said = [newest["Status"].get("Err") or newest["Status"].get("Message", "")] if newest else []
    return f"{name}: {len(there)} of {wanted} run as defined" + "".join(f" ({text})" for text in said if text)


def main() -> None:
    """Run as an Ansible module."""
    os.umask(0o077)
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "template": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "str", "required": True},
            "network": {"type": "str", "required": True},
            "subnet": {"type": "str", "required": True},
            "hosts": {"type": "int", "default": 3},
            "seconds": {"type": "int", "default": 300},
            "only": {"type": "str", "choices": ["write", "deploy"], "default": "deploy"},
        },
        supports_check_mode=True,
    )
    deployment = Deployment(module)
    try:
        made = deployment.made()
        differs, changed = deployment.write(made), []
        if module.params["only"] == "deploy" and not module.check_mode:
            changed = deployment.apply()
            deployment.prune()
    except (engine.EngineError, ComposeError, ValueError, OSError) as fault:
        module.fail_json(msg=f"The stack could not be made: {fault}")
    result = {"images": sorted({one["image"] for one in made.services.values()}), "pinned": made.pinned()}
    module.exit_json(changed=differs or bool(changed), services=changed, **result)


if __name__ == "__main__":
    main()
