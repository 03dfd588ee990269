#!/usr/bin/python
"""Look at Redis's accounts (D7) and data (S4)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers

DOCUMENTATION = r"""
module: cache_check
short_description: Check Redis
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- cache_check: {expected: {project: jiucom, path: /opt/jiucom, user: exporter}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_cache.}"

checks = Checks("cache")


def command(expected: dict[str, Any], *words: str) -> str:
    """Run one command as the exporter; the password goes in by stdin, and into no environment."""
    container = containers(expected["project"])["redis"][0]["Id"]
    [password] = json.loads(Path(expected["path"], "redis-exporter/secrets/passwords.json").read_text()).values()
    login = f"AUTH {expected['user']} {json.dumps(password, ensure_ascii=False)}"
    run = subprocess.run(
        ["docker", "exec", "-i", container, "redis-cli"],
        input=f"{login}\n{' '.join(words)}\n", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return str(run.stdout).partition("\n")[2].strip()


@checks.check("D7", "Redis's exporter has an account that can do nothing else")
def exporter(expected: dict[str, Any]) -> Seen:
    info = command(expected, "INFO", "server")
    refused = {
        words: command(expected, *words.split())
        for words in ("GET x", "SET x 1", "KEYS x", "CONFIG GET dir", "FLUSHALL")
    }
    passed = "redis_version" in info and all(answer.startswith("NOPERM") for answer in refused.values())
    return passed, f"INFO answered; {', '.join(f'{w}: {a[:6]}' for w, a in refused.items())}"


@checks.check("S4", "Redis has loaded all that it had written")
def loaded(expected: dict[str, Any]) -> Seen:
    container = containers(expected["project"])["redis"][0]["Id"]
    log = subprocess.run(["docker", "logs", container], capture_output=True, text=True, timeout=30, check=False).stdout
    # Redis skips a command that it cannot load, and says so in such a line alone.
    refused = [line for line in log.splitlines() if "== CRITICAL ==" in line]
    return not refused, refused[0][:200] if refused else "no command was refused at a start"


if __name__ == "__main__":
    checks.run()
