#!/usr/bin/python
"""Checksum each service's configuration files, for the label that shows what must be recreated."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: stack_files
short_description: Checksum each service's configuration files
description:
  - Secrets are left out, because the checksum ends as a label that C(docker inspect) shows.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  services: {type: list, elements: str, required: true, description: Names of the services.}
author: [JIUCOM]
"""
EXAMPLES = "- stack_files: {path: /opt/jiucom, services: [mysql]}"
RETURN = "checksums: {type: dict, returned: always, description: First 12 digits of the sha256 by service.}"


def checksum(directory: Path) -> str:
    """Return the checksum over names and content of a service's files, or `none` where it has none."""
    files = sorted(p for p in directory.rglob("*") if p.is_file() and "secrets" not in p.relative_to(directory).parts)
    if not files:
        return "none"
    total = hashlib.sha256()
    for file in files:
        total.update(str(file.relative_to(directory)).encode() + b"\0" + file.read_bytes() + b"\0")
    return total.hexdigest()[:12]


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "services": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    base = Path(module.params["path"])
    module.exit_json(changed=False, checksums={name: checksum(base / name) for name in module.params["services"]})


if __name__ == "__main__":
    main()
