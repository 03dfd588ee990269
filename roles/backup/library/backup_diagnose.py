#!/usr/bin/python
"""Find out whether backups and drills are made, and how the last ones ended (H2)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault

DOCUMENTATION = r"""
module: backup_diagnose
short_description: Name what is wrong with the backups and what to type
description: [Changes nothing, and needs no Docker.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- backup_diagnose: {expected: {store: /var/backups/jiucom, enabled: true}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_backup.}"

diagnosis = Diagnosis("backup")
# As the alerts BackupOld and RestoreNotProved have it.
HOURS = {"backup": 26, "drill": 9 * 24}
TIMES = {"backup": "backup_success_timestamp_seconds", "drill": "restore_proved_timestamp_seconds"}


def recorded(expected: dict[str, Any]) -> dict[str, Any]:
    """Read the state of the backups; empty where they are off or have not begun."""
    file = state_file(expected)
    found: dict[str, Any] = json.loads(file.read_text()) if expected["enabled"] and file.is_file() else {}
    return found


def state_file(expected: dict[str, Any]) -> Path:
    """Return the file of the state."""
    return Path(expected["store"], ".state.json")


@diagnosis.look
def ages(expected: dict[str, Any]) -> Iterator[Fault]:
    """The last backup or proof of one is too old, or has failed."""
    state = recorded(expected)
    for verb, hours in HOURS.items():
        since = state.get(TIMES[verb], state.get("backup_since_timestamp_seconds"))
        if since is None:
            continue
        when = f"{datetime.fromtimestamp(since, UTC):%Y-%m-%d %H:%M} UTC"
        last = f"the last {'archive' if verb == 'backup' else 'proved archive'} is of {when}"
        type_ = f"ansible-playbook playbooks/{verb}.yml; journalctl -u '*-{verb}' -n 30; systemctl list-timers"
        if state.get(f"{verb}_failed"):
            yield Fault(f"{verb} failed", "host", f"{state_file(expected)}: the last {verb} failed; {last}", type_)
        elif time.time() - since > hours * 3600:
            yield Fault(f"{verb} too old", "host", f"{last}, and it should be no older than {hours} hours", type_)


@diagnosis.look
def shipping(expected: dict[str, Any]) -> Iterator[Fault]:
    """Archives lie on this host alone, though they are to be shipped."""
    state = recorded(expected)
    if state.get("backup_unshipped"):
        seen = f"{state_file(expected)}: {state['backup_unshipped']} archives are not shipped"
        yield Fault("backup not shipped", "host", seen, "ansible-playbook playbooks/backup.yml, which says why")


if __name__ == "__main__":
    diagnosis.run()
