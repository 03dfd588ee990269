#!/usr/bin/python
"""Look at the backups: whether they are made by the clock, and how the last ones ended (S2)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, eventually

DOCUMENTATION = r"""
module: backup_check
short_description: Check the backups
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- backup_check: {expected: {path: /opt/jiucom, store: /var/backups/jiucom, units: []}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_backup.}"

checks = Checks("backup")


@checks.check("S2", "backups and drills run by the clock where they are on, and the last of each did not fail")
def last(expected: dict[str, Any]) -> Seen:
    units, file = expected["units"], Path(expected["store"], ".state.json")

    def look() -> Seen:
        command = ["systemctl", "is-active", *units]
        states = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split() if units else []
        known = json.loads(file.read_text()) if file.is_file() else {}
        failed = [f"the last {verb} failed" for verb in ("backup", "drill") if known.get(f"{verb}_failed")]
        seen = [f"{unit} {state}" for unit, state in zip(units, states, strict=True)] + failed
        return not failed and set(states) <= {"active"}, ", ".join(seen) or "not by the clock, nothing failed"

    # The copying of logs begins anew until MySQL has its volume.
    return eventually(look)


if __name__ == "__main__":
    checks.run()
