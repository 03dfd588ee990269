"""The filters that compare versions with the data that is there (A2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.versions import version_fault


def written_data(
    services: Mapping[str, Mapping[str, Any]], host: Mapping[str, Any], project: str
) -> dict[str, dict[str, Any]]:
    """Return what wrote the data that is there, by service: {version, lines}.

    `host` is what host_state returns. Where Docker does not answer, the volumes of a recorded version may be there.
    """
    found = {}
    for name, service in services.items():
        volumes = [volume for volume in service.get("volumes", {}) if f"{project}_{volume}" in host["volumes"]]
        unseen = service.get("volumes") and not host["docker"]["answers"] and name in host["versions"]
        if volumes or unseen:
            found[name] = {"version": host["versions"].get(name, ""), "lines": service.get("lines", {})}
    return found


def version_faults(
    services: Mapping[str, Mapping[str, Any]],
    host: Mapping[str, Any],
    wanted: Mapping[str, str],
    project: str,
) -> list[str]:
    """List the volumes that the wanted versions may not open.

    `host` is what host_state returns, `wanted` the version that is about to run by service.
    """
    faults = []
    for name, data in written_data(services, host, project).items():
        old, new = data["version"], wanted.get(name, "")
        why = version_fault(old, new, data["lines"])
        if why:
            faults.append(
                f"The data of {name} was written by version {old}, and {new} cannot take it over: {why}. Set "
                f"platform_images_overrides.{name}.ref to an image that can, or back up, remove the volume and restore"
            )
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filters."""
        return {"version_faults": version_faults, "written_data": written_data}
