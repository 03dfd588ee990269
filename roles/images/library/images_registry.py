#!/usr/bin/python
"""Let Docker trust a private registry, and log in to it."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: images_registry
short_description: Let Docker trust a private registry, and log in to it
description:
  - Writes the authority where Docker looks for that of this registry alone, which needs no restart. Logs in with C(docker login),
    which asks the registry, where the login that is kept is another.
options:
  registry: {type: str, required: true, description: 'Host and port, as in references.'}
  authority: {type: str, default: '', description: Certificates of the authority; empty writes none.}
  user: {type: str, default: '', description: Account; empty logs in nowhere.}
  password: {type: str, default: '', description: Its password.}
  certificates: {type: path, default: /etc/docker/certs.d, description: Docker's directory of authorities.}
author: [JIUCOM]
"""
EXAMPLES = "- images_registry: {registry: 'registry.example:5000', authority: text, user: shop, password: word}"
RETURN = "pending: {type: bool, returned: always, description: Whether check mode has left something undone.}"


def logged_in(registry: str, user: str, password: str) -> bool:
    """Whether the login that `docker login` has kept for this user of the host is this one."""
    try:
        kept = json.loads((Path.home() / ".docker/config.json").read_text())["auths"][registry]["auth"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    return bool(kept == base64.b64encode(f"{user}:{password}".encode()).decode())


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "registry": {"type": "str", "required": True},
            "authority": {"type": "str", "default": ""},
            "user": {"type": "str", "default": ""},
            "password": {"type": "str", "default": "", "no_log": True},
            "certificates": {"type": "path", "default": "/etc/docker/certs.d"},
        },
        supports_check_mode=True,
    )
    wanted = module.params
    registry, authority, user, password = (wanted[name] for name in ("registry", "authority", "user", "password"))
    file = Path(wanted["certificates"]) / registry / "ca.crt"
    writes = bool(authority) and (file.read_text() if file.is_file() else "") != authority
    logs_in = bool(user) and not logged_in(registry, user, password)
    if not module.check_mode:
        if writes:
            file.parent.mkdir(parents=True, exist_ok=True)
            aside = file.with_name(".ca.crt")
            aside.write_text(authority)
            aside.chmod(0o644)
            aside.replace(file)
        if logs_in:
            command = ["docker", "login", "--username", user, "--password-stdin", registry]
            said = subprocess.run(command, input=password, capture_output=True, text=True, check=False)
            if said.returncode:
                module.fail_json(
                    msg=f"docker login {registry} as {user}: {said.stderr.strip()}; correct images_registry_user, "
                    "images_registry_password or images_registry_ca"
                )
    changed = writes or logs_in
    module.exit_json(changed=changed, pending=changed and module.check_mode)


if __name__ == "__main__":
    main()
