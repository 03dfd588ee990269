#!/usr/bin/python
"""Remember that the change of a secret has begun, until it has ended."""

from __future__ import annotations

import hashlib
import math
import os
import time
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: platform_rotation
short_description: Remember that the change of a secret has begun, until it has ended
description:
  - C(begun) writes C(.rotating/<secret>) into the installation, with a salted hash of the value before. A run that was
    interrupted after the new value was made is seen by it, and goes on with that value.
options:
  state: {type: str, choices: [begun, ended], required: true, description: What to do.}
  path: {type: path, required: true, description: Directory of the installation.}
  secret: {type: str, required: true, description: 'Name of the secret.'}
  value: {type: str, required: true, description: 'What the inventory has now, never printed.'}
  file: {type: str, default: '', description: 'File of the installation that says when the value was changed last.'}
  seconds: {type: int, default: 0, description: How long ago that must be before a change begins.}
author: [JIUCOM]
"""
EXAMPLES = "- platform_rotation: {state: begun, path: /opt/jiucom, secret: cache_app_password, value: '...'}"
RETURN = (
    "pending: {type: bool, returned: always, description: Whether an interrupted run has made a new value already.}"
)


def digest(salt: bytes, value: str) -> str:
    """Hash a value; the file that keeps it is root's alone, as those of the secrets are."""
    return hashlib.scrypt(value.encode(), salt=salt, n=2**14, r=8, p=1).hex()


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "state": {"type": "str", "choices": ["begun", "ended"], "required": True},
            "path": {"type": "path", "required": True},
            "secret": {"type": "str", "required": True, "no_log": False},
            "value": {"type": "str", "required": True, "no_log": True},
            "file": {"type": "str", "default": ""},
            "seconds": {"type": "int", "default": 0},
        },
        supports_check_mode=True,
    )
    base, value = Path(module.params["path"]), module.params["value"]
    marker = base / ".rotating" / module.params["secret"]
    if not (base / "compose.yaml").is_file():
        module.fail_json(msg=f"{base} has no platform yet: a secret that nothing uses is changed in the inventory")
    if module.params["state"] == "ended":
        if not module.check_mode:
            marker.unlink(missing_ok=True)
        module.exit_json(changed=True, pending=False)
    if marker.is_file():
        salt, known = marker.read_text().split()
        module.exit_json(changed=False, pending=digest(bytes.fromhex(salt), value) != known)
    deployed = base / module.params["file"]
    age = time.time() - deployed.stat().st_mtime if deployed.is_file() else math.inf
    if age < module.params["seconds"]:
        days = f"{age / 86400:.1f} days ago, and may be changed again {module.params['seconds'] / 86400:.1f} days after that"
        module.fail_json(msg=f"{module.params['secret']} was changed {days}")
    if module.check_mode:
        module.exit_json(changed=True, pending=False)
    marker.parent.mkdir(mode=0o700, exist_ok=True)
    salted = os.urandom(16)
    with open(marker, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write(f"{salted.hex()} {digest(salted, value)}")
    module.exit_json(changed=True, pending=False)


if __name__ == "__main__":
    main()
