#!/usr/bin/python
"""Pack what the builds of images need into one archive, on the control node."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.images.recipes import files, pack

DOCUMENTATION = r"""
module: images_context
short_description: Pack the build context of images
description:
  - The archive holds what all recipes share, the recipes that are built, and what was downloaded for them. The modes of the
    checkout do not reach it.
options:
  recipes_dir: {type: path, required: true, description: Directory of the recipes.}
  recipes: {type: list, elements: str, required: true, description: Names of the recipes to build.}
  sources: {type: dict, default: {}, description: Directories beside the recipes that belong to them.}
  downloads:
    type: list
    elements: dict
    default: []
    description: What was downloaded.
    options:
      recipe: {type: str, required: true, description: The recipe that it is for.}
      path: {type: path, required: true, description: File or directory on the control node.}
      name: {type: str, required: true, description: Its name beside the recipe's Dockerfile.}
      sha256: {type: str, default: '', description: Checksum of the file.}
  archive: {type: path, required: true, description: The archive.}
author: [JIUCOM]
"""
EXAMPLES = "- images_context: {recipes_dir: files/images, recipes: [redis], archive: .cache/images/context.tar}"
RETURN = "archive: {type: path, returned: always, description: The archive.}"


def main() -> None:
    """Run as an Ansible module."""
    download = {
        "recipe": {"type": "str", "required": True},
        "path": {"type": "path", "required": True},
        "name": {"type": "str", "required": True},
        "sha256": {"type": "str", "default": ""},
    }
    module = AnsibleModule(
        {
            "recipes_dir": {"type": "path", "required": True},
            "recipes": {"type": "list", "elements": "str", "required": True},
            "sources": {"type": "dict", "default": {}},
            "downloads": {"type": "list", "elements": "dict", "options": download, "default": []},
            "archive": {"type": "path", "required": True},
        },
        supports_check_mode=True,
    )
    wanted, archive = module.params, Path(module.params["archive"])
    content: dict[str, Path] = {}
    for recipe in wanted["recipes"]:
        content |= files(Path(wanted["recipes_dir"]), recipe, wanted["sources"].get(recipe, ""))
    for one in wanted["downloads"]:
        path = Path(one["path"])
        if one["recipe"] not in wanted["recipes"]:
            continue
        if one["sha256"]:
            found = (
                hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "unknown: there is no such file"
            )
            if found != one["sha256"]:
                module.fail_json(
                    msg=f"{path}: its sha256 is {found}, not {one['sha256']}: remove it, and find out who changed it"
                )
        place = f"{one['recipe']}/{one['name']}"
        content |= {f"{place}/{file.name}": file for file in path.iterdir()} if path.is_dir() else {place: path}
    archive.parent.mkdir(parents=True, exist_ok=True)
    pack(content, archive)
    module.exit_json(changed=False, archive=str(archive))


if __name__ == "__main__":
    main()
