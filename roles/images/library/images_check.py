#!/usr/bin/python
"""Look at the images behind the running containers: A2."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, containers, docker

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
    image: dict[str, Any] = json.loads(docker("image", "inspect", reference))[0]
    return image


@checks.check("A2", "each service runs the image that was resolved for it")
def running(expected: dict[str, Any]) -> Seen:
    found = containers(expected["project"])
    wrong = []
    for name, reference in expected["images"].items():
        wanted = inspect(reference)["Id"]
        wrong += [
            f"{name} runs {container['Config']['Image']}, not {reference}"
            for container in found.get(name, [])
            if container["Image"] != wanted
        ]
    return not wrong, "; ".join(wrong) or ", ".join(expected["images"].values())


@checks.check("A2", "each image is pinned to a version; what was built from packages names them")
def pinned(expected: dict[str, Any]) -> Seen:
    wrong, seen = [], []
    for name, reference in expected["images"].items():
        labels = inspect(reference)["Config"].get("Labels") or {}
        version = reference.rpartition(":")[2] if ":" in reference.rpartition("/")[2] else ""
        if version in ("", "latest"):
            wrong.append(f"{name}: {reference} names no version")
        if reference.startswith("localhost/"):
            version = labels.get("org.opencontainers.image.version", "")
            if not version or not labels.get("io.jiucom.packages"):
                wrong.append(f"{name}: {reference} has no label with its versions")
        seen.append(f"{labels.get('io.jiucom.product', name)} {version}")
    return not wrong, "; ".join(wrong) or ", ".join(seen)


if __name__ == "__main__":
    checks.run()
