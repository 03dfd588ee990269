#!/usr/bin/python
"""Compare secrets with those that were deployed, without showing either."""

from __future__ import annotations

import hmac
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: secret_state
short_description: Name the secrets that differ from the deployed ones
options:
  base: {type: path, required: true, description: Directory of the installation.}
  secrets: {type: dict, required: true, description: 'Content by service and name, never printed.'}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.secret_state: {base: /opt/jiucom, secrets: {mysql: {root_password: '...'}}}"
RETURN = "differing: {type: list, returned: always, description: Names of deployed secrets with another content.}"


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {"base": {"type": "path", "required": True}, "secrets": {"type": "dict", "required": True, "no_log": True}},
        supports_check_mode=True,
    )
    differing = []
    for service, contents in module.params["secrets"].items():
        for name, content in contents.items():
            file = Path(module.params["base"]) / service / "secrets" / name
            if file.is_file() and not hmac.compare_digest(file.read_bytes(), str(content).encode()):
                differing.append(name)
    module.exit_json(changed=False, differing=differing)


if __name__ == "__main__":
    main()
