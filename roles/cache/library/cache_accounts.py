#!/usr/bin/python
"""Let a running Redis accept the old passwords beside the new ones."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.files import rewrite

DOCUMENTATION = r"""
module: cache_accounts
short_description: Let a running Redis accept the old passwords beside the new ones
description:
  - Where the wanted file of accounts has another password than the one that Redis has loaded, or lacks an account, Redis is given
    both. The services then change to the new one, each at its own time, without a refused connection. The last step of a run
    lets Redis load the wanted file alone.
  - A Redis that is not running, or was deployed before it could load the file again, is left alone.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  service: {type: str, default: redis, description: Name of the service.}
  accounts: {type: str, required: true, description: 'The wanted file of accounts, never printed.'}
  load: {type: list, elements: str, required: true, description: 'Command by which Redis loads the file, run in its container.'}
author: [JIUCOM]
"""
EXAMPLES = "- cache_accounts: {path: /opt/jiucom, project: jiucom, accounts: 'user app on #...', load: [sh, -c, '...']}"
RETURN = "users: {type: list, returned: always, description: Accounts that have both passwords now, or are kept.}"


def accounts(text: str) -> dict[str, list[str]]:
    """Read a file of accounts: the rules by user."""
    lines = [line.split() for line in text.splitlines() if line.startswith("user ")]
    return {words[1]: words[2:] for words in lines}


def merged(old: str, new: str) -> tuple[str, list[str]]:
    """Add the passwords of an old file of accounts to a new one, and accounts that it lacks; returns the users concerned."""
    before, lines, users = accounts(old), [], []
    for line in new.splitlines():
        words = line.split()
        known = before.pop(words[1], []) if line.startswith("user ") else []
        more = [rule for rule in known if rule.startswith("#") and rule not in words]
        users += words[1:2] if more else []
        lines.append(" ".join([line, *more]))
    for user, rules in before.items():
        users.append(user)
        lines.append(" ".join(["user", user, *rules]))
    return "\n".join(lines) + "\n", users


def running(project: str, service: str) -> str:
    """Return Redis's container; empty where it does not run."""
    try:
        found: list[dict[str, Any]] = engine.containers(project).get(service, [])
    except engine.EngineError:
        return ""
    return next((str(one["Id"]) for one in found if one["State"]["Status"] == "running"), "")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "service": {"type": "str", "default": "redis"},
            "accounts": {"type": "str", "required": True, "no_log": True},
            "load": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=True,
    )
    base = Path(module.params["path"], module.params["service"])
    file = base / "secrets/users.acl"
    old = file.read_text() if file.is_file() and (base / "conf/ask.sh").is_file() else ""
    content, users = merged(old, module.params["accounts"])
    container = running(module.params["project"], module.params["service"]) if old and users else ""
    if not container or module.check_mode:
        module.exit_json(changed=bool(container), users=users if container else [])
    rewrite(file, content.encode())
    load = ["docker", "exec", container, *module.params["load"]]
    run = subprocess.run(load, capture_output=True, text=True, timeout=60, check=False)
    if run.returncode:
        rewrite(file, old.encode())
        module.fail_json(
            msg=f"The new configuration of {module.params['service']} is invalid, nothing was changed: it does not load its "
            f"accounts, whose names are cache_*_username {run.stdout}{run.stderr}".strip()
        )
    module.exit_json(changed=True, users=users)


if __name__ == "__main__":
    main()
