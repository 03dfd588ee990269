"""Filters of image pins: {reference: digest}, so that a tag means the image that was there when it was pinned.

A pin belongs to a reference with its version. After a change of version it pins nothing, and the tag stays in the pinned
reference, because the checks of versions read it (A2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.references import parse

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")

Images = Mapping[str, Mapping[str, Any]]


def pinned(images: Images, pins: Any) -> dict[str, dict[str, Any]]:
    """Return the images, each whose reference has a pin with it."""
    pins = pins if isinstance(pins, Mapping) else {}
    return {
        name: {**image, "ref": f"{image['ref']}@{pins[image['ref']]}"} if image["ref"] in pins else dict(image)
        for name, image in images.items()
    }


def image_pins(images: Images, resolved: Images) -> dict[str, str]:
    """Return the pins of the images that the host has from a registry."""
    found = {}
    for name, image in resolved.items():
        reference = str(images[name]["ref"] or "").partition("@")[0]
        if image["origin"] == "official" and image["digest"] and reference and parse(reference).pinned:
            found[reference] = image["digest"]
    return dict(sorted(found.items()))


def unpinned_lines(images: Images, resolved: Images) -> list[str]:
    """Write a line for each image without a pin."""
    pins = image_pins(images, resolved)
    lines = []
    for name, image in resolved.items():
        if str(images[name]["ref"] or "").partition("@")[0] in pins:
            continue
        if image["origin"] == "packages":
            why = "built on the host"
        elif not image["id"]:
            why = "not on the host"
        else:
            why = "no registry has given it a digest"
        lines.append(f"Not pinned: {name}, {why}")
    return lines


def pin_faults(pins: Any) -> list[str]:
    """List what is wrong in `platform_image_pins`; another type than a mapping is found by its specification."""
    faults = []
    for reference, digest in (pins if isinstance(pins, Mapping) else {}).items():
        try:
            known = parse(str(reference))
        except ValueError as fault:
            faults.append(f"platform_image_pins: {fault}")
            continue
        if known.digest or not known.pinned:
            faults.append(
                f"platform_image_pins: {reference!r} must end with a version of three numbers, such as redis:7.4.5"
            )
        elif not _DIGEST.fullmatch(str(digest)):
            faults.append(
                f"platform_image_pins: {reference} has {digest!r}, which must be like sha256:…, with 64 digits"
            )
    return faults


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filters."""
        return {
            "image_pins": image_pins,
            "pin_faults": pin_faults,
            "pinned": pinned,
            "unpinned_lines": unpinned_lines,
        }
