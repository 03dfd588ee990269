"""The filter that says whether versions can read the data that is there (A2)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def numbers(version: str) -> tuple[int, ...]:
    """Turn `9.7.4-1` into (9, 7, 4)."""
    return tuple(int(n) for n in re.findall(r"\d+", str(version).partition("-")[0])[:3])


def line_fault(old: str, new: str, lines: Mapping[str, Mapping[str, Any]]) -> str:
    """Say why `new` cannot take over the data of `old` by a table of release lines, such as 8.0; empty when it can."""
    before, after = numbers(old), numbers(new)
    from_line, to_line = (".".join(map(str, version[:2])) for version in (before, after))
    if from_line == to_line:
        oldest = numbers(lines.get(from_line, {}).get("oldest", "0.0.0"))
        if after < before and after < oldest <= before:
            return f"older servers than {'.'.join(map(str, oldest))} cannot read it"
        return ""
    if after < before:
        return "a newer line's data cannot be taken back"
    allowed = lines.get(from_line, {}).get("next", [])
    if to_line in allowed or (from_line not in lines and before[0] == after[0]):
        return ""
    return f"from {from_line} the next line is {' or '.join(allowed) or 'unknown'}"


def version_fault(old: str, new: str, lines: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Say why version `new` of a service cannot take over the data of `old`; empty when it can, or when one is unknown.

    `lines` is the service's own table of upgrades; without it the next major version can, and an older version cannot.
    """
    if not numbers(old) or not numbers(new):
        return ""
    if lines:
        return line_fault(old, new, lines)
    before, after = numbers(old)[:2], numbers(new)[:2]
    if after < before:
        return "an older version cannot read it"
    if after[0] > before[0] + 1:
        return f"upgrade to {before[0] + 1} first"
    return ""


def version_faults(
    services: Mapping[str, Mapping[str, Any]],
    host: Mapping[str, Any],
    wanted: Mapping[str, str],
    project: str,
) -> list[str]:
    """List the volumes that the wanted versions may not open.

    `host` is what host_state returns, `wanted` the version that is about to run by service. A volume that is not there is no
    matter; where Docker does not answer, it may be there.
    """
    faults = []
    for name, service in services.items():
        old, new = host["versions"].get(name, ""), wanted.get(name, "")
        volumes = [volume for volume in service.get("volumes", {}) if f"{project}_{volume}" in host["volumes"]]
        if not service.get("volumes") or (host["docker"]["answers"] and not volumes):
            continue
        why = version_fault(old, new, service.get("lines"))
        if why:
            faults.append(
                f"The data of {name} was written by version {old}, and {new} cannot take it over: {why}. Set "
                f"platform_images_overrides.{name}.ref to an image that can, or back up, remove the volume and restore"
            )
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filter."""
        return {"version_faults": version_faults}
