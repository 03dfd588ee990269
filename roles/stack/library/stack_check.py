#!/usr/bin/python
"""Look at compose.yaml against what runs: F4."""

from __future__ import annotations

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


if __name__ == "__main__":
    checks.run()
