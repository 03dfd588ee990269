#!/usr/bin/python
"""Look at the images behind the running containers: A2."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers, docker

DOCUMENTATION = r"""
module: images_check
short_description: Look at the promises about images
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- images_check: {facts: {project: jiucom, images: {redis: 'redis:7.4.5-alpine'}}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


def inspect(reference: str) -> dict[str, Any]:
    image: dict[str, Any] = json.loads(docker("image", "inspect", reference))[0]
    return image


@promises.promise("A2", "each service runs the image that was resolved for it")
def running(facts: dict[str, Any]) -> Seen:
    found = containers(facts["project"])
    wrong = []
    for name, reference in facts["images"].items():
        wanted = inspect(reference)["Id"]
        wrong += [
            f"{name} runs {container['Config']['Image']}, not {reference}"
            for container in found.get(name, [])
            if container["Image"] != wanted
        ]
    return not wrong, "; ".join(wrong) or ", ".join(facts["images"].values())


@promises.promise("A2", "each image is pinned to a version; what was built from packages names them")
def pinned(facts: dict[str, Any]) -> Seen:
    wrong, seen = [], []
    for name, reference in facts["images"].items():
        labels = inspect(reference)["Config"].get("Labels") or {}
        version = reference.rpartition(":")[2] if ":" in reference.rpartition("/")[2] else ""
        if version in ("", "latest"):
            wrong.append(f"{name}: {reference} names no version")
        if reference.startswith("jiucom/"):
            version = labels.get("org.opencontainers.image.version", "")
            if not version or not labels.get("io.jiucom.packages"):
                wrong.append(f"{name}: {reference} has no label with its versions")
        seen.append(f"{labels.get('io.jiucom.product', name)} {version}")
    return not wrong, "; ".join(wrong) or ", ".join(seen)


if __name__ == "__main__":
    promises.run()
