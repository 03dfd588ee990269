#!/usr/bin/python
"""Find out whether Redis takes the passwords that its services have (H2), and what a cluster lacks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import redis_cluster
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault, inside, running
from ansible_collections.jiucom.platform.plugins.module_utils.quoting import quoted

DOCUMENTATION = r"""
module: cache_diagnose
short_description: Name what is wrong with Redis and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- cache_diagnose: {expected: {project: jiucom, path: /opt/jiucom, accounts: []}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_cache.}"

diagnosis = Diagnosis("cache")


@diagnosis.look
def accounts(expected: dict[str, Any]) -> Iterator[Fault]:
    """Redis refuses the password that a service has in its file."""
    for container in running(expected["project"], "redis")[:1]:
        for account in expected["accounts"]:
            file = Path(expected["path"], account["file"])
            if not file.is_file():
                continue
            password = file.read_text()
            if file.suffix == ".json":
                password = next(iter(json.loads(password).values()))
            _, said = inside(container["Id"], "redis-cli", given=f"AUTH {account['user']} {quoted(password)}\n")
            if "WRONGPASS" in said:
                yield Fault(
                    "secret rejected",
                    account["service"],
                    f"{said.strip()} (user {account['user']}, the password of {file})",
                    "ansible-playbook site.yml, which writes both sides anew; a new password: "
                    f"playbooks/rotate.yml -e secret={account['secret']}",
                )


@diagnosis.look
def cluster(expected: dict[str, Any]) -> Iterator[Fault]:
    """Servers of a cluster that do not know one another, slots without a server, primaries without a replica."""
    addresses = expected.get("cluster") or {}
    # Those that do not run are named by role stack.
    if addresses and all(running(expected["project"], name) for name in addresses):
        wrong = redis_cluster.faults(redis_cluster.servers(expected["project"], addresses))
        if wrong:
            yield Fault(
                "Redis cluster not whole",
                "redis",
                "; ".join(wrong),
                "wait a minute, if a server has just been started; then ansible-playbook site.yml, which joins the servers",
                because_of=("docker",),
            )


if __name__ == "__main__":
    diagnosis.run()
