#!/usr/bin/python
"""Name the containers that do not run or are not healthy, with what they said last (H2)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

DOCUMENTATION = r"""
module: stack_diagnose
short_description: Name the containers that do not run or are not healthy
description: [Changes nothing. Each finding is one line, its remedy after a colon.]
options:
  project: {type: str, required: true, description: Name of the Compose project.}
  services: {type: list, elements: str, required: true, description: Services that are to run.}
author: [JIUCOM]
"""
EXAMPLES = "- stack_diagnose: {project: jiucom, services: [mysql]}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_stack.}"


def last_lines(container: dict[str, Any]) -> str:
    """Return the last answer of the health check and the last lines of the log."""
    health = (container["State"].get("Health") or {}).get("Log") or []
    answer = " ".join(str(health[-1]["Output"]).split())[-200:] if health else ""
    run = subprocess.run(
        ["docker", "logs", "--tail", "4", container["Id"]], capture_output=True, text=True, timeout=30, check=False
    )
    log = " | ".join(line.strip()[:200] for line in (run.stdout + run.stderr).splitlines()[-4:])
    return f"health check: {answer or 'no answer yet'}; log: {log or 'empty'}"


def findings(project: str, services: list[str]) -> Iterator[str]:
    """Yield a line for each service that is not as it should be."""
    found = engine.containers(project)
    for name in services:
        if name not in found:
            yield f"{name} has no container: ansible-playbook site.yml"
        for container in found.get(name, []):
            state = container["State"]
            health = (state.get("Health") or {}).get("Status", "healthy")
            if state.get("OOMKilled"):
                yield f"{name} was killed for its memory limit: raise platform_services_overrides.{name}.memory"
            elif state["Status"] != "running":
                yield f"{name} is {state['Status']} (code {state['ExitCode']}): {last_lines(container)}"
            elif health != "healthy":
                yield f"{name} is {health}: {last_lines(container)}"


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "project": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        found = list(findings(module.params["project"], module.params["services"]))
    except (engine.EngineError, subprocess.TimeoutExpired) as fault:
        found = [f"Docker cannot be asked ({fault}): systemctl status docker"]
    module.exit_json(changed=False, ansible_facts={"findings_stack": found})


if __name__ == "__main__":
    main()
