"""The filters that compare versions with the data that is there (A2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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


def recorded_versions(images: Mapping[str, Mapping[str, str]], services: list[str]) -> dict[str, str]:
    """Return what is recorded of the images that write the services' data: the version, behind the product where it differs."""
    return {
        name: image["version"] if image["product"] == name else f"{image['product']} {image['version']}"
        for name, image in images.items()
        if name in services and image["version"]
    }


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filters."""
        return {"recorded_versions": recorded_versions, "written_data": written_data}
