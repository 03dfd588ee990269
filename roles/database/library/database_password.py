#!/usr/bin/python
"""Change the password of one of MySQL's accounts while services use the old one."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.files import rewrite
from ansible_collections.jiucom.platform.plugins.module_utils.mysql import CLIENT
from ansible_collections.jiucom.platform.plugins.module_utils.quoting import quoted

DOCUMENTATION = r"""
module: database_password
short_description: Change the password of one of MySQL's accounts while services use the old one
description:
  - C(both) lets MySQL accept the new password beside the one that its services have (a dual password), and writes it to the file
    of the installation, as whoever changes it by hand would. Repeating it changes nothing.
  - C(new) ends that the old one is accepted.
options:
  state: {type: str, choices: [both, new], required: true, description: Which passwords are accepted.}
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  name: {type: str, required: true, description: 'Name of the file of the secret, such as app_password.'}
  account: {type: str, required: true, description: "The account in SQL's words, such as C('jiucom'@'%')."}
  password: {type: str, required: true, description: 'The new password, never printed.'}
author: [JIUCOM]
"""
EXAMPLES = """
- database_password:
    {state: both, path: /opt/jiucom, project: jiucom, name: app_password, account: "'jiucom'@'%'", password: '...'}
"""
RETURN = "changed: {type: bool, returned: always, description: Whether anything was done.}"

LOGIN = "exec mysql --defaults-extra-file=/dev/stdin --batch --execute='SELECT 1'"


def literal(text: str) -> str:
    """Write a text as SQL does."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


class Account:
    """An account of the MySQL that runs."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module, self.params = module, module.params
        self.file = Path(module.params["path"], "mysql/secrets", module.params["name"])
        found = engine.containers(module.params["project"]).get("mysql", [])
        running = [one["Id"] for one in found if one["State"]["Status"] == "running"]
        if not running:
            module.fail_json(msg="MySQL does not run, so that its passwords stay: start the platform first (site.yml)")
        self.container = str(running[0])

    def run(self, script: str, given: str) -> subprocess.CompletedProcess[str]:
        """Run a shell script in MySQL's container with this input."""
        command = ["docker", "exec", "-i", self.container, "sh", "-c", script]
        return subprocess.run(command, input=given, capture_output=True, text=True, timeout=60, check=False)

    def accepts(self, password: str) -> bool:
        """Tell whether the account can log in with a password."""
        user, _, host = self.params["account"].partition("@")
        where = "protocol = socket" if host == "'localhost'" else "host = 127.0.0.1\nprotocol = tcp"
        options = f"[client]\nuser = {quoted(user[1:-1])}\npassword = {quoted(password)}\n{where}\n"
        return self.run(LOGIN, options).returncode == 0

    def alter(self, how: str) -> None:
        """Change the account."""
        run = self.run(CLIENT, f"ALTER USER {self.params['account']} {how};\n")
        if run.returncode:
            self.module.fail_json(msg=f"MySQL refuses to change {self.params['account']}: {run.stderr.strip()}")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "state": {"type": "str", "choices": ["both", "new"], "required": True},
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "name": {"type": "str", "required": True},
            "account": {"type": "str", "required": True},
            "password": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    account, password = Account(module), module.params["password"]
    if module.params["state"] == "new":
        if not module.check_mode:
            account.alter("DISCARD OLD PASSWORD")
        module.exit_json(changed=True)
    if account.file.read_text() == password or module.check_mode:
        module.exit_json(changed=account.file.read_text() != password)
    # An interrupted run has changed the account already: once more would forget the password that the services have.
    if not account.accepts(password):
        account.alter(f"IDENTIFIED BY {literal(password)} RETAIN CURRENT PASSWORD")
    rewrite(account.file, password.encode())
    module.exit_json(changed=True)


if __name__ == "__main__":
    main()
