#!/usr/bin/python
"""Find out whether a user can come in by SSH once passwords are off."""

from __future__ import annotations

import pwd
import re
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: host_login
short_description: Find out whether a user can come in by SSH once passwords are off
description:
  - Fails where the host has no SSH server, where that would not read the file of settings, and where the user could not come in
    any more. Changes nothing.
options:
  user: {type: str, required: true, description: Who comes in.}
  root: {type: str, required: true, description: What C(PermitRootLogin) is to be.}
  connection: {type: str, default: '', description: 'C(SSH_CONNECTION) of this connection: blocks of SSH''s settings ask for it.'}
author: [JIUCOM]
"""
EXAMPLES = "- host_login: {user: deploy, root: prohibit-password}"
RETURN = "keys: {type: int, returned: always, description: How many keys the user may come in by; 0 where another way is set up.}"
_SSHD = "/usr/sbin/sshd"
_CONFIG = Path("/etc/ssh/sshd_config")
_INCLUDE = re.compile(r"^\s*Include\s+/etc/ssh/sshd_config\.d/\*\.conf\s*$", re.MULTILINE | re.IGNORECASE)
_KEY = re.compile(r"(?:^|\s)(?:ssh|ecdsa|sk-ssh|sk-ecdsa)-[\w@.-]+\s+AAAA", re.ASCII)


def asked(user: str, connection: str) -> list[str]:
    """Return the command that prints SSH's settings for a user and a connection; for one that is not known, the host's own."""
    address, _, own, port = connection.split() if len(connection.split()) == 4 else ("127.0.0.1", "", "127.0.0.1", "22")
    return [_SSHD, "-T", "-C", f"user={user},host={address},addr={address},laddr={own},lport={port}"]


def key_files(patterns: str, user: str, home: str) -> list[Path]:
    """Return the files of C(AuthorizedKeysFile), in which %h, %u and %% stand for something."""
    values = {"%h": home, "%u": user, "%%": "%"}
    found = [re.sub("%[hu%]", lambda match: values[match[0]], pattern) for pattern in patterns.split()]
    return [Path(home, path) for path in found if path != "none"]


def count_keys(files: list[Path]) -> int:
    """Count the keys in the files that are there."""
    lines = [line for file in files if file.is_file() for line in file.read_text(errors="replace").splitlines()]
    return sum(bool(_KEY.search(line)) for line in lines if not line.lstrip().startswith("#"))


def faults(user: str, root: str, settings: dict[str, str], keys: int, config: str) -> list[str]:
    """Say what would lock the user out, and what would leave the settings unread."""
    found = []
    if not _INCLUDE.search(config):
        found.append(
            f"{_CONFIG} does not read further files: begin it with the line Include /etc/ssh/sshd_config.d/*.conf"
        )
    if user == "root" and root == "no":
        found.append("Ansible comes in as root, whom host_ssh_root: no would refuse: use another user with sudo")
    if settings.get("pubkeyauthentication") == "no":
        found.append("SSH takes no keys here (PubkeyAuthentication no), and passwords would be off")
    # Keys that a program gives, and certificates, are seen by the new connection alone.
    others = {settings.get(name, "none") for name in ("authorizedkeyscommand", "trustedusercakeys")} - {"none"}
    if not keys and not others:
        found.append(f"{user} has no authorized key, and passwords would be off: type ssh-copy-id {user}@HOST first")
    return [f"{fault}; or set host_ssh to false" for fault in found]


def main() -> None:
    """Run as an Ansible module."""
    options = {"user": {"type": "str", "required": True}, "root": {"type": "str", "required": True}}
    module = AnsibleModule(options | {"connection": {"type": "str", "default": ""}}, supports_check_mode=True)
    user, root = module.params["user"], module.params["root"]
    if not Path(_SSHD).exists():
        module.fail_json(msg="there is no SSH server here: set host_ssh to false")
    run = subprocess.run(asked(user, module.params["connection"]), capture_output=True, text=True, check=False)
    if run.returncode:
        module.fail_json(msg=f"SSH refuses its settings of now: {run.stderr.strip()}")
    settings = dict(line.partition(" ")[::2] for line in run.stdout.splitlines())
    keys = count_keys(key_files(settings.get("authorizedkeysfile", ""), user, pwd.getpwnam(user).pw_dir))
    found = faults(user, root, settings, keys, _CONFIG.read_text())
    if found:
        module.fail_json(msg="\n".join(found))
    module.exit_json(changed=False, keys=keys)


if __name__ == "__main__":
    main()
