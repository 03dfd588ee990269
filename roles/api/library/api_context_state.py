#!/usr/bin/python
"""Compare a host's build context with the manifest it came with."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: api_context_state
short_description: Compare the API's build context with its manifest
description: [Names the files that were changed, added or removed by hand, and whether the context is the wanted one.]
options:
  path: {type: path, required: true, description: Directory of the build context.}
  checksum: {type: str, required: true, description: sha256 of the wanted manifest.}
author: [JIUCOM]
"""
EXAMPLES = "- api_context_state: {path: /opt/jiucom/api, checksum: abc}"
RETURN = r"""
same: {type: bool, returned: always, description: Whether nothing differs.}
differences: {type: list, returned: always, description: Names of what differs.}
"""


def differences(path: Path, checksum: str) -> list[str]:
    """Name what differs between `path` and the manifest whose sha256 is `checksum`."""
    listing = path / "MANIFEST"
    if not listing.is_file():
        return ["MANIFEST (missing)"]
    manifest = listing.read_bytes()
    if hashlib.sha256(manifest).hexdigest() != checksum:
        return ["MANIFEST (another version)"]
    wanted: dict[str, str] = json.loads(manifest)
    found = {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file() and file != listing
    }
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {"path": {"type": "path", "required": True}, "checksum": {"type": "str", "required": True}},
        supports_check_mode=True,
    )
    found = differences(Path(module.params["path"]), module.params["checksum"])
    module.exit_json(changed=False, same=not found, differences=found)


if __name__ == "__main__":
    main()
