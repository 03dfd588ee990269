#!/usr/bin/python
"""Find out why MySQL does not start or lets nobody in (H2)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

DOCUMENTATION = r"""
module: database_diagnose
short_description: Name what is wrong with MySQL and what to do
description: [Changes nothing. Each finding is one line, its remedy after a colon.]
options: {project: {type: str, required: true, description: Name of the Compose project.}}
author: [JIUCOM]
"""
EXAMPLES = "- database_diagnose: {project: jiucom}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_database.}"


def inside(container: str, command: str) -> tuple[int, str]:
    """Run a shell command in the container; returns its code and what it said."""
    run = subprocess.run(
        ["docker", "exec", container, "sh", "-c", command], capture_output=True, text=True, timeout=30, check=False
    )
    return run.returncode, run.stdout + run.stderr


def findings(project: str) -> Iterator[str]:
    """Yield a line for each fault."""
    running = [c for c in engine.containers(project).get("mysql", []) if c["State"]["Running"]]
    if not running:
        return
    container = running[0]["Id"]
    code, said = inside(
        container, "mysql --defaults-extra-file=/run/secrets/health.cnf --connect-timeout=5 -e 'SELECT 1'"
    )
    if code == 0 or not re.search(r"Access denied|is not allowed to connect", said):
        return
    if inside(container, "mysql --user=root --execute='SELECT 1'")[0] == 0:
        # The entry point of the official image takes any data directory for a finished one.
        yield (
            "MySQL's first start was interrupted: its volume has no accounts, and root no password. While it holds no data of "
            "yours, begin anew: docker compose down --volumes; ansible-playbook site.yml"
        )
    else:
        yield (
            "MySQL refuses the account of the health check: its password was changed in MySQL or in the inventory alone; "
            "ansible-playbook site.yml says which and what to type"
        )


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule({"project": {"type": "str", "required": True}}, supports_check_mode=True)
    try:
        found = list(findings(module.params["project"]))
    except (engine.EngineError, subprocess.TimeoutExpired) as fault:
        found = [f"MySQL cannot be asked: {fault}"]
    module.exit_json(changed=False, ansible_facts={"findings_database": found})


if __name__ == "__main__":
    main()
