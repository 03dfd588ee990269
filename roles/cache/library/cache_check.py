#!/usr/bin/python
"""Look at Redis's accounts (D7)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers

DOCUMENTATION = r"""
module: cache_check
short_description: Look at the promises about Redis
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- cache_check: {facts: {project: jiucom, path: /opt/jiucom, user: exporter}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


def command(facts: dict[str, Any], *words: str) -> str:
    """Run one command as the exporter; the password goes in by stdin."""
    container = containers(facts["project"])["redis"][0]["Id"]
    [password] = json.loads(Path(facts["path"], "redis-exporter/secrets/passwords.json").read_text()).values()
    run = subprocess.run(
        ["docker", "exec", "-i", container, "sh", "-c",
         f'REDISCLI_AUTH="$(cat)" redis-cli --user {facts["user"]} {" ".join(words)} 2>&1'],
        input=password, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return str(run.stdout).strip()


@promises.promise("D7", "Redis's exporter has an account that can do nothing else")
def exporter(facts: dict[str, Any]) -> Seen:
    info = command(facts, "INFO", "server")
    refused = {
        words: command(facts, *words.split()) for words in ("GET x", "SET x 1", "KEYS x", "CONFIG GET dir", "FLUSHALL")
    }
    kept = "redis_version" in info and all(answer.startswith("NOPERM") for answer in refused.values())
    return kept, f"INFO answered; {', '.join(f'{w}: {a[:6]}' for w, a in refused.items())}"


if __name__ == "__main__":
    promises.run()
