#!/usr/bin/python
"""Check the images behind the running containers: A2."""

from __future__ import annotations

from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers
from ansible_collections.jiucom.platform.plugins.module_utils.references import parse

DOCUMENTATION = r"""
module: images_check
short_description: Check images
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- images_check: {expected: {project: jiucom, images: {redis: 'redis:7.4.5-alpine'}}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_images.}"

checks = Checks("images")


def inspect(reference: str) -> dict[str, Any]:
    """Inspect an image by its reference or id."""
    found: dict[str, Any] = engine.get(f"/images/{reference}/json")
    return found


def build(id_: str) -> str:
    """Tell one build of an image from another: its id, and when it was made."""
    try:
        made = inspect(id_)["Created"][:16]
    except engine.EngineError:
        made = "no longer on the host"
    return f"{id_.removeprefix('sha256:')[:12]} ({made})"


@checks.check("A2", "each service runs the image that was resolved for it")
def running(expected: dict[str, Any]) -> Seen:
    found = containers(expected["project"])
    wrong = []
    for name, reference in expected["images"].items():
        wanted = inspect(reference)["Id"]
        for container in found.get(name, []):
            runs = container["Config"]["Image"]
            if container["Image"] != wanted and runs != reference:
                wrong.append(f"{name} runs {runs}, not {reference}")
            elif container["Image"] != wanted:
                wrong.append(f"{name} runs the build {build(container['Image'])} of {reference}, not {build(wanted)}")
    return not wrong, "; ".join(wrong) or ", ".join(expected["images"].values())


@checks.check("A2", "each image is pinned to a version; what was built from packages names them")
def pinned(expected: dict[str, Any]) -> Seen:
    wrong, seen = [], []
    for name, reference in expected["images"].items():
        labels = inspect(reference)["Config"].get("Labels") or {}
        version = parse(reference).version or parse(reference).digest[:19]
        if reference.startswith(expected["image_prefix"]):
            version = labels.get("org.opencontainers.image.version", "")
            if not version or not labels.get("io.jiucom.packages"):
                wrong.append(f"{name}: {reference} has no label with its versions")
        elif not parse(reference).pinned:
            wrong.append(f"{name}: {reference} names no version of three numbers and no digest")
        seen.append(f"{labels.get('io.jiucom.product', name)} {version}")
    return not wrong, "; ".join(wrong) or ", ".join(seen)


if __name__ == "__main__":
    checks.run()
