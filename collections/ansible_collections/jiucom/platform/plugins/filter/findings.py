"""Filters of the diagnosis: which faults are told, and how."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.comparison import APPLIED, FRAGMENTS
from ansible_collections.jiucom.platform.plugins.module_utils.releases import image_of

DRIFT = "drift"
_CLOCK_SECONDS = 60
_STATES = ("has no container", "exited", "created", "paused", "restarting", "dead")
_Fault = Mapping[str, Any]


def root_causes(faults: Iterable[_Fault]) -> list[_Fault]:
    """Leave out what another fault explains: one of a service that this one needs, or one of the same service that says more."""
    every = list(faults)
    named = {fault["service"] for fault in every if fault["name"] != DRIFT}
    roots = [fault for fault in every if not named & set(fault["because_of"])]
    told = {fault["service"] for fault in roots if not fault["generic"]}
    return [fault for fault in roots if not fault["generic"] or fault["service"] not in told]


def finding_lines(facts: Mapping[str, Any]) -> list[str]:
    """Write the findings of all diagnosis modules, facts named findings_<role>: what is wrong, what shows it, what to type."""
    faults = [fault for name, found in sorted(facts.items()) if name.startswith("findings_") for fault in found]
    return [
        line
        for fault in root_causes(faults)
        for line in (
            f"{fault['service']}: {fault['name']}",
            f"    seen: {fault['seen']}",
            f"    type: {fault['type']}",
        )
    ]


def _changes(entry: Mapping[str, str]) -> str:
    """Write what differs in a file: the first lines, with what the inventory lacks and what it adds."""
    if "prepared" in entry:
        return entry["prepared"].strip()
    lines = difflib.unified_diff(entry["before"].splitlines(), entry["after"].splitlines(), n=0, lineterm="")
    changed = [line for line in lines if not line.startswith(("---", "+++", "@@"))]
    more = f" and {len(changed) - 4} lines more" if len(changed) > 4 else ""
    return f"{entry['before_header']}: {' '.join(changed[:4])}{more}"


def drift(written: Iterable[Mapping[str, Any]], project: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """Return a fault for each service that differs from the inventory.

    `written` is what service_files returned in check mode, `project` what compose_project did; `path` is the installation's.
    """
    seen: dict[str, list[str]] = {}
    for result in written:
        for entry in result.get("diff", []):
            place = entry.get("before_header") or entry["prepared"].partition(":")[0]
            parts = place.removeprefix(path).strip("/").split("/")
            service = parts[1].removesuffix(".yaml") if parts[0] in (FRAGMENTS, APPLIED) else parts[0]
            seen.setdefault(service, []).append(_changes(entry))
    for reason in project.get("reasons", []):
        service, _, why = reason.partition(": ")
        # Files that would change are told above, what does not run by stack_diagnose.
        if service not in seen and why.split(",")[0] not in _STATES:
            seen.setdefault(service, []).append(why)
    if not seen and project.get("diff"):
        seen["compose.yaml"] = [_changes(project["diff"])]
    return [
        {
            "name": DRIFT,
            "service": service,
            "seen": "; ".join(texts)[:600],
            "type": "ansible-playbook site.yml --check --diff shows it all; ansible-playbook site.yml puts it right",
            "because_of": [],
            "generic": True,
        }
        for service, texts in seen.items()
    ]


def clock_findings(host: float, before: float, after: float) -> list[dict[str, Any]]:
    """Compare the host's clock, asked between two moments of the control node's, with these."""
    off = host - after if host > after else min(host - before, 0)
    if abs(off) <= _CLOCK_SECONDS:
        return []
    seen = f"the host's clock is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the control node's"
    return [
        {
            "name": "clock off",
            "service": "host",
            "seen": seen,
            "type": "timedatectl on both; on the one that is wrong: apt-get install systemd-timesyncd; timedatectl set-ntp true",
            "because_of": [],
            "generic": False,
        }
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "finding_lines": finding_lines,
            "drift": drift,
            "clock_findings": clock_findings,
            "image_of": image_of,
        }
