#!/usr/bin/python
"""Look at MySQL's accounts (D7)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers

DOCUMENTATION = r"""
module: database_check
short_description: Look at the promises about MySQL
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- database_check: {facts: {project: jiucom, path: /opt/jiucom}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


def query(facts: dict[str, Any], option_file: bytes, sql: str) -> str:
    """Run one statement as the account of an option file, which goes in by stdin: no password on a command line."""
    container = containers(facts["project"])["mysql"][0]["Id"]
    run = subprocess.run(
        ["docker", "exec", "-i", container, "mysql", "--defaults-extra-file=/dev/stdin", "-N", "-e", sql],
        input=option_file, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError(run.stderr.decode())
    return run.stdout.decode().strip()


@promises.promise("D7", "MySQL's exporter has an account that can do nothing else")
def exporter(facts: dict[str, Any]) -> Seen:
    options = Path(facts["path"], "mysql-exporter/secrets/my.cnf").read_bytes()
    grants = query(facts, options, "SHOW GRANTS").splitlines()
    return len(grants) == 1 and grants[0].startswith("GRANT USAGE ON *.*"), "; ".join(grants)


if __name__ == "__main__":
    promises.run()
