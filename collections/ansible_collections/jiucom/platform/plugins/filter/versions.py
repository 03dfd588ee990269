"""The filters that compare versions with the data that is there (A2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.references import parse
from ansible_collections.jiucom.platform.plugins.module_utils.versions import stops, version_fault


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


def upgrade_way(service: Mapping[str, Any], name: str, written: str, reference: str) -> dict[str, str]:
    """Return the way of a service's upgrade as a text, and what is wrong with it, empty where nothing is.

    `service` is its row of the table, `written` the version that wrote the data, `reference` the image that the inventory names.
    """
    new, lines = parse(reference).version if reference else "", service.get("lines")
    text = f"{name}: {written or 'unknown version'} -> {reference}"
    if not service.get("volumes") or " " in written:
        return {"text": text, "fault": ""}
    way = stops(written, new, lines)
    if way:
        text += f", stops: {', '.join(way)}"
    if len(way) > 1:
        fault = (
            f"{name} {written} cannot go to {new} at once. The stops are {', '.join(way)}: set platform_images_overrides: "
            f"{{{name}: {{ref: ...}}}} to an image of {way[0]}, type the same command, and go on with the next when it runs well"
        )
    else:
        fault = version_fault(written, new, lines)
        fault = f"{name} {new} cannot take over what {written} wrote: {fault}" if fault else ""
    return {"text": text, "fault": fault}


def change_faults(changes: Mapping[int, str], installed: int, acknowledged: int) -> list[str]:
    """List the numbered changes, {number: what to do}, that are newer than an installation and not acknowledged yet."""
    known = max(int(installed), int(acknowledged))
    faults = [f"Change {number}: {text}" for number, text in sorted(changes.items()) if int(number) > known]
    if faults:
        newest = max(map(int, changes))
        faults.append(
            f"When you have done what these changes of this repository need: -e platform_acknowledged={newest}"
        )
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filters."""
        return {
            "change_faults": change_faults,
            "recorded_versions": recorded_versions,
            "upgrade_way": upgrade_way,
            "written_data": written_data,
        }
