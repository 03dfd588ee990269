#!/usr/bin/python
"""Look at the host's own settings: S5."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen

DOCUMENTATION = r"""
module: host_check
short_description: Check the host's own settings
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- host_check: {expected: {enabled: false}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_host.}"

checks = Checks("host")


def said(*command: str) -> str:
    """Run a command and return what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def upgrades() -> Iterator[str]:
    """Say what keeps security upgrades from coming."""
    if 'Unattended-Upgrade "1"' not in said("apt-config", "dump", "APT::Periodic"):
        yield "unattended upgrades are off"
    if said("systemctl", "is-active", "apt-daily-upgrade.timer") != "active":
        yield "apt-daily-upgrade.timer does not run"


def ssh(wanted: dict[str, str]) -> Iterator[str]:
    """Say which settings SSH has otherwise."""
    somebody = "user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22"
    found = dict(line.partition(" ")[::2] for line in said("/usr/sbin/sshd", "-T", "-C", somebody).splitlines())
    yield from (f"SSH: {name} {found.get(name, '?')}" for name, value in wanted.items() if found.get(name) != value)


def clock() -> Iterator[str]:
    """Say when the clock is not kept right."""
    if said("timedatectl", "show", "--property=NTPSynchronized", "--value") != "yes":
        yield "the clock is not synchronised"


def kernel(wanted: dict[str, Any]) -> Iterator[str]:
    """Say which settings the kernel has otherwise."""
    for name, value in wanted.items():
        found = said("sysctl", "--values", name)
        if found.split() != str(value).split():
            yield f"{name} is {found or 'unknown'}"


@checks.check(
    "S5", "the host, where it is set up: security upgrades, SSH by keys alone, the right time, kernel and journal"
)
def settings(expected: dict[str, Any]) -> Seen:
    if not expected["enabled"]:
        return True, "host_enabled is false"
    wrong = [*ssh(expected["ssh"]), *kernel(expected["sysctls"])]
    wrong += upgrades() if expected["upgrades"] else []
    wrong += clock() if expected["clock"] else []
    if expected["journal"] and not Path(expected["journal"]).is_file():
        wrong.append("the journal is not bounded")
    restart = ", an upgrade waits for a restart" if Path("/run/reboot-required").exists() else ""
    return not wrong, ("; ".join(wrong) or "as set") + restart


if __name__ == "__main__":
    checks.run()
