#!/usr/bin/python
"""Record which versions write the data volumes."""

from __future__ import annotations

import json
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: stack_versions
short_description: Record which versions write the data volumes
description: [The record outlives compose.yaml and says later which versions can read the volumes (A2).]
options:
  path: {type: path, required: true, description: File of the record.}
  versions: {type: dict, required: true, description: Version by service.}
author: [JIUCOM]
"""
EXAMPLES = "- stack_versions: {path: /opt/jiucom/.versions.json, versions: {mysql: 9.7.4}}"
RETURN = "versions: {type: dict, returned: always, description: What is recorded now.}"


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {"path": {"type": "path", "required": True}, "versions": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    file, versions = Path(module.params["path"]), module.params["versions"]
    recorded = json.loads(file.read_text()) if file.exists() else {}
    wanted = recorded | versions
    if recorded != wanted and not module.check_mode:
        file.write_text(json.dumps(wanted, indent=2, sort_keys=True) + "\n")
        file.chmod(0o640)
    module.exit_json(changed=recorded != wanted, versions=wanted)


if __name__ == "__main__":
    main()
