#!/usr/bin/python
"""Look at Redis's accounts (D7), data (S4) and cluster (H3.7)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import redis_cluster
from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers, eventually

DOCUMENTATION = r"""
module: cache_check
short_description: Check Redis
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = (
    "- cache_check: {expected: {project: jiucom, path: /opt/jiucom, user: exporter, servers: [redis], cluster: {}}}"
)
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_cache.}"

checks = Checks("cache")


def command(expected: dict[str, Any], server: str, *words: str) -> str:
    """Run one command as the exporter; the password goes in by stdin, and into no environment."""
    container = containers(expected["project"])[server][0]["Id"]
    passwords = json.loads(Path(expected["path"], "redis-exporter/secrets/passwords.json").read_text())
    password = next(iter(passwords.values()))
    login = f"AUTH {expected['user']} {json.dumps(password, ensure_ascii=False)}"
    run = subprocess.run(
        ["docker", "exec", "-i", container, "redis-cli"],
        input=f"{login}\n{' '.join(words)}\n", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return str(run.stdout).partition("\n")[2].strip()


@checks.check("D7", "Redis's exporter has an account that can do nothing else")
def exporter(expected: dict[str, Any]) -> Seen:
    tried = ("GET x", "SET x 1", "KEYS x", "CONFIG GET dir", "FLUSHALL")
    answers = [(words, command(expected, server, *words.split())) for server in expected["servers"] for words in tried]
    info = all("redis_version" in command(expected, server, "INFO", "server") for server in expected["servers"])
    passed = info and all(answer.startswith("NOPERM") for _, answer in answers)
    return passed, f"INFO answered; {', '.join(f'{words}: {answer[:6]}' for words, answer in answers)}"


@checks.check("S4", "Redis has loaded all that it had written")
def loaded(expected: dict[str, Any]) -> Seen:
    refused = []
    for server in expected["servers"]:
        container = containers(expected["project"])[server][0]["Id"]
        log = subprocess.run(
            ["docker", "logs", container], capture_output=True, text=True, timeout=30, check=False
        ).stdout
        # Redis skips a command that it cannot load, and says so in such a line alone.
        refused += [line for line in log.splitlines() if "== CRITICAL ==" in line]
    return not refused, refused[0][:200] if refused else "no command was refused at a start"


@checks.check("H3.7", "the Redis cluster serves all slots, and each primary has a replica, where it is on")
def cluster(expected: dict[str, Any]) -> Seen:
    if not expected["cluster"]:
        return True, "off"

    def look() -> Seen:
        wrong = redis_cluster.faults(redis_cluster.servers(expected["project"], expected["cluster"]))
        return not wrong, "; ".join(wrong) or f"{redis_cluster.SLOTS} slots, {len(expected['cluster'])} servers"

    return eventually(look)


if __name__ == "__main__":
    checks.run()
