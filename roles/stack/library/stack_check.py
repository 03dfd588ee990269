#!/usr/bin/python
"""Look at compose.yaml against what runs: F4."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers, docker

DOCUMENTATION = r"""
module: stack_check
short_description: Look at the promises about the Compose project
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- stack_check: {facts: {project: jiucom, path: /opt/jiucom}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


@promises.promise("F4", "what runs is what compose.yaml in the installation directory says")
def same(facts: dict[str, Any]) -> Seen:
    lines = docker("compose", "--file", f"{facts['path']}/compose.yaml", "config", "--hash", "*").splitlines()
    hashes = dict(line.split() for line in lines)
    other = [
        name
        for name, group in containers(facts["project"]).items()
        for c in group
        if c["Config"]["Labels"]["com.docker.compose.config-hash"] != hashes.get(name)
    ]
    return not other, ", ".join(other) or f"{len(hashes)} services as written"


if __name__ == "__main__":
    promises.run()
