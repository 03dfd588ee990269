#!/usr/bin/python
"""Look at compose.yaml against what runs: F4, S6."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers, docker

DOCUMENTATION = r"""
module: stack_check
short_description: Check the Compose project
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- stack_check: {expected: {project: jiucom, path: /opt/jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_stack.}"

checks = Checks("stack")


@checks.check("F4", "what runs is what compose.yaml in the installation directory says")
def same(expected: dict[str, Any]) -> Seen:
    lines = docker("compose", "--file", f"{expected['path']}/compose.yaml", "config", "--hash", "*").splitlines()
    hashes = dict(line.split() for line in lines)
    other = [
        name
        for name, group in containers(expected["project"]).items()
        for c in group
        if c["Config"]["Labels"][engine.CONFIG_HASH] != hashes.get(name)
    ]
    return not other, ", ".join(other) or f"{len(hashes)} services as written"


@checks.check("S6", "where drift is reported, it is looked for by the clock")
def drift(expected: dict[str, Any]) -> Seen:
    if not expected["drift"]:
        return True, "not by the clock"
    timer, file = expected["drift"]["timer"], Path(expected["drift"]["metrics"])
    command = ["systemctl", "is-active", timer]
    state = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip() if timer else "active"
    found = re.search(r"^jiucom_drift_differences (\d+)$", file.read_text(), re.MULTILINE) if file.is_file() else None
    seen = f"{found[1]} differences the last time" if found else "never compared"
    return state == "active" and found is not None, f"{timer or 'cron'} {state}, {seen}"


if __name__ == "__main__":
    checks.run()
