#!/usr/bin/python
"""Look at MySQL's accounts (D7) and its read replicas (H3.6)."""

from __future__ import annotations

import subprocess
from functools import partial
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import mysql
from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers, eventually

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


def follows(expected: dict[str, Any], name: str) -> Seen:
    """Look at one read replica. Its lag is the age of the last heartbeat that it has, which the API sends each second."""
    found = containers(expected["project"])
    container = found[name][0]["Id"]
    following, read_only, error = mysql.replication(container)
    if not following:
        return False, f"{name} does not follow the primary: {error}"
    if more := mysql.ahead(found["mysql"][0]["Id"], container):
        return False, f"{name} has what the primary has not: {more}"
    age = "SELECT TIMESTAMPDIFF(MICROSECOND, beat_at, UTC_TIMESTAMP(6)) / 1e6 FROM heartbeat;"
    lag = float(mysql.ask(container, f"USE {expected['schema']}; {age}")[0][0])
    seen = f"{name} is {lag:.1f} s behind" + ("" if read_only else " and accepts writes")
    return read_only and lag <= expected["max_lag"], seen


@checks.check("H3.6", "each read replica follows the primary and takes no writes")
def replicas(expected: dict[str, Any]) -> Seen:
    seen = [eventually(partial(follows, expected, name), 60) for name in expected["replicas"]]
    return all(passed for passed, _ in seen), "; ".join(text for _, text in seen) or "database_replicas is 0"


if __name__ == "__main__":
    checks.run()
