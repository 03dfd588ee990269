#!/usr/bin/python
"""Remove images of this project that are no longer needed."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.images.prune import superfluous

DOCUMENTATION = r"""
module: images_prune
short_description: Remove images of this project that are no longer needed
description:
  - Removes images with the project's label that no container uses, not even a stopped one, and that the platform does not want,
    but for the newest of each name. Images without the label, and the build cache, are left alone.
options:
  project: {type: str, required: true, description: Value of the label C(io.jiucom.project).}
  image_prefix: {type: str, required: true, description: What the names of images built here begin with.}
  wanted: {type: list, elements: str, required: true, description: References of the platform's images.}
  keep: {type: int, required: true, description: How many of each name stay.}
author: [JIUCOM]
"""
EXAMPLES = "- images_prune: {project: jiucom, image_prefix: localhost/jiucom/, wanted: ['redis:7.4.5-alpine'], keep: 3}"
RETURN = "removed: {type: list, returned: always, description: 'Names or ids of what was removed, or would be.'}"


def remove(module: AnsibleModule, image: dict[str, Any]) -> None:
    """Remove an image with all its names; one that a build still stands on stays, and so does what came into use meanwhile."""
    names = [name for name in image.get("RepoTags") or [] if not name.startswith("<none>")]
    code, _, error = module.run_command(["docker", "image", "rm", *(names or [image["Id"]])])
    if code and "conflict" not in error:
        module.fail_json(msg=error.strip())


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "project": {"type": "str", "required": True},
            "image_prefix": {"type": "str", "required": True},
            "wanted": {"type": "list", "elements": "str", "required": True},
            "keep": {"type": "int", "required": True},
        },
        supports_check_mode=True,
    )
    try:
        needed = {container["ImageID"] for container in engine.get("/containers/json?all=true")}
        needed |= {one["Id"] for reference in module.params["wanted"] if (one := engine.image(reference))}
        images = engine.get("/images/json")
    except engine.EngineError as fault:
        module.fail_json(msg=str(fault))
    wanted = module.params
    found = superfluous(images, needed, wanted["project"], wanted["image_prefix"], wanted["keep"])
    if not module.check_mode:
        for image in found:
            remove(module, dict(image))
    names = [", ".join(image.get("RepoTags") or []) or image["Id"] for image in found]
    module.exit_json(changed=bool(found), removed=names)


if __name__ == "__main__":
    main()
