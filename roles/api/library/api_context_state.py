#!/usr/bin/python
"""Compare a host's build context and image with the wanted ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

DOCUMENTATION = r"""
module: api_context_state
short_description: Compare the API's build context and image with the wanted ones
description:
  - Names the files that were changed, added or removed by hand. An image of the wanted name without our label of the wanted
    content was built by hand.
options:
  path: {type: path, required: true, description: Directory of the build context.}
  checksum: {type: str, required: true, description: sha256 of the wanted manifest.}
  image: {type: str, required: true, description: Reference of the wanted image.}
author: [JIUCOM]
"""
EXAMPLES = "- api_context_state: {path: /opt/jiucom/api, checksum: abc, image: app:1}"
RETURN = (
    "differences: {type: list, returned: always, description: 'What differs, a line each; empty when nothing does.'}"
)

LABEL = "io.jiucom.context"


def differences(path: Path, checksum: str) -> list[str]:
    """Name what differs between `path` and the manifest whose sha256 is `checksum`."""
    listing = path / "MANIFEST"
    if not listing.is_file():
        return [f"{path} is not there"]
    manifest = listing.read_bytes()
    if hashlib.sha256(manifest).hexdigest() != checksum:
        return [f"{path} holds another version"]
    wanted: dict[str, str] = json.loads(manifest)
    found = {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file() and file != listing
    }
    changed = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
    return [f"{path / name} was changed on the host" for name in changed]


def image_faults(reference: str, checksum: str) -> list[str]:
    """Return what is wrong with the image: missing, or built by hand from something else."""
    try:
        labels = engine.get(f"/images/{reference}/json")["Config"].get("Labels") or {}
    except engine.EngineError:
        return [f"{reference} is not there"]
    return [] if labels.get(LABEL) == checksum else [f"{reference} was built by hand, not from this source"]


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "checksum": {"type": "str", "required": True},
            "image": {"type": "str", "required": True},
        },
        supports_check_mode=True,
    )
    checksum = module.params["checksum"]
    found = differences(Path(module.params["path"]), checksum) + image_faults(module.params["image"], checksum)
    module.exit_json(changed=False, differences=found)


if __name__ == "__main__":
    main()
