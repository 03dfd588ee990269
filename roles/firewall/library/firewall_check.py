#!/usr/bin/python
"""Look at the host's firewall, and the rules between containers: S2, S7."""

from __future__ import annotations

import subprocess
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers

DOCUMENTATION = r"""
module: firewall_check
short_description: Check the host's firewall, and the rules between containers
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- firewall_check: {expected: {enabled: true, table: jiucom_firewall, unit: jiucom-firewall.service}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_firewall.}"

checks = Checks("firewall")


def said(*command: str) -> str:
    """Run a command and return what it prints."""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


@checks.check("S2", "the host's firewall, where it is on, is loaded before Docker's rules, and at boot")
def loaded(expected: dict[str, Any]) -> Seen:
    if not expected["enabled"]:
        return True, "firewall_enabled is false"
    rules = said("nft", "list", "table", "inet", expected["table"])
    early = "hook prerouting priority mangle" in rules or "hook prerouting priority -150" in rules
    boot = said("systemctl", "is-enabled", expected["unit"])
    return early and boot == "enabled", f"rules {'loaded' if early else 'not loaded'}, at boot {boot}"


@checks.check("S7", "containers, where they are kept apart, reach one another only where a service needs it")
def apart(expected: dict[str, Any]) -> Seen:
    if not expected["isolation"]["enabled"]:
        return True, "firewall_isolation is false"
    table, unit = expected["isolation"]["table"], expected["isolation"]["unit"]
    rules, boot = said("nft", "list", "table", "bridge", table), said("systemctl", "is-enabled", unit)
    first = "hook forward priority filter" in rules or "hook forward priority -200" in rules
    loaded = first and "counter" in rules
    fixed, name = expected["isolation"]["addresses"], expected["network"]
    moved = [
        f"{service} is at {at}"
        for service, group in containers(expected["project"]).items()
        for one in group
        if service in fixed
        and (at := one["NetworkSettings"]["Networks"][name]["IPAddress"]) != fixed[service]["ipv4_address"]
    ]
    state = f"rules {'loaded' if loaded else 'not loaded'}, at boot {boot}"
    return loaded and boot == "enabled" and not moved, ", ".join([state, *moved])


if __name__ == "__main__":
    checks.run()
