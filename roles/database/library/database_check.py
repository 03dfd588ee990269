#!/usr/bin/python
"""Look at MySQL's accounts (D7)."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers

DOCUMENTATION = r"""
module: database_check
short_description: Check MySQL
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- database_check: {expected: {project: jiucom, path: /opt/jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_database.}"

checks = Checks("database")


def query(expected: dict[str, Any], option_file: bytes, sql: str) -> str:
    """Run one statement as the account of an option file, which goes in by stdin: no password on a command line."""
    container = containers(expected["project"])["mysql"][0]["Id"]
    run = subprocess.run(
        ["docker", "exec", "-i", container, "mysql", "--defaults-extra-file=/dev/stdin", "-N", "-e", sql],
        input=option_file, capture_output=True, timeout=30, check=False,
    )  # fmt: skip
    if run.returncode:
        raise RuntimeError(run.stderr.decode())
    return run.stdout.decode().strip()


@checks.check("D7", "MySQL's exporter has an account that can do nothing else")
def exporter(expected: dict[str, Any]) -> Seen:
    options = Path(expected["path"], "mysql-exporter/secrets/my.cnf").read_bytes()
    grants = query(expected, options, "SHOW GRANTS").splitlines()
    return len(grants) == 1 and grants[0].startswith("GRANT USAGE ON *.*"), "; ".join(grants)


if __name__ == "__main__":
    checks.run()
