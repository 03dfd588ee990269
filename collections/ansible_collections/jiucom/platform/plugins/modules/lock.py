#!/usr/bin/python
"""Take and release the lock that the verbs share, with their hooks, and log what they did."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.locks import HeldError, Lock

DOCUMENTATION = r"""
module: lock
short_description: Take or release the lock that deploy, backup, upgrade and restore share
description:
  - The action plugin of this name adds O(owner), and takes over the lock of a process of the same control node that has ended.
  - One process may take it several times, and releases it as often. The release writes a line to C(audit.log).
  - A host without an installation has nothing to lock.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  state: {type: str, choices: [taken, released, seen], default: taken, description: 'What to do; C(seen) changes nothing.'}
  verb: {type: str, required: true, description: 'What the lock is for, such as deploy.'}
  result: {type: str, default: done, description: How it ended, for the log.}
  last: {type: bool, default: false, description: Release it however often it was taken.}
  seconds: {type: int, default: 3600, description: How long the lock holds where nobody can see whether its process lives.}
  hooks: {type: str, default: '', description: 'Directory of the host with the executables C(before-<verb>) and C(after-<verb>).'}
  owner: {type: dict, default: {}, description: The process of the control node.}
  gone: {type: str, default: '', description: Token of a lock whose process has ended.}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.lock: {path: /opt/jiucom, verb: deploy}"
RETURN = r"""
note: {type: str, returned: always, description: 'What became of a stale lock; for C(seen), that there is one.'}
held: {type: dict, returned: for a failure and C(seen), description: The lock of somebody else.}
"""


def run_hook(module: AnsibleModule, moment: str) -> str:
    """Run the operator's executable for this moment of the verb, where there is one; returns what is wrong with it."""
    verb = module.params["verb"]
    hook = Path(module.params["hooks"]) / f"{moment}-{verb}"
    if not module.params["hooks"] or not hook.is_file():
        return ""
    given = {"JIUCOM_VERB": verb, "JIUCOM_RESULT": module.params["result"], "JIUCOM_DIR": module.params["path"]}
    try:
        run = subprocess.run([hook], env=os.environ | given, capture_output=True, text=True, check=False)
    except OSError as fault:
        return f"The hook {hook} cannot be run: {fault.strerror}"
    return f"The hook {hook} ended with {run.returncode}: {(run.stdout + run.stderr).strip()}" if run.returncode else ""


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["taken", "released", "seen"], "default": "taken"},
            "verb": {"type": "str", "required": True},
            "result": {"type": "str", "default": "done"},
            "last": {"type": "bool", "default": False},
            "seconds": {"type": "int", "default": 3600},
            "hooks": {"type": "str", "default": ""},
            "owner": {"type": "dict", "default": {}},
            "gone": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given = module.params
    if not Path(given["path"]).is_dir() or module.check_mode:
        module.exit_json(changed=False, note="")
    lock, owner = Lock(Path(given["path"])), given["owner"]
    if given["state"] == "seen":
        module.exit_json(changed=False, note=lock.stale(given["gone"]), held=lock.read())
    if given["state"] == "taken":
        try:
            note = lock.take(given["verb"], owner, given["seconds"], given["gone"])
        except HeldError as held:
            module.fail_json(msg=str(held), held=held.lock)
        first = lock.read()["depth"] == 1
        fault = run_hook(module, "before") if first else ""
        if fault:
            lock.release(owner, "refused by its hook")
            module.fail_json(msg=f"{fault}. Nothing was changed")
        module.exit_json(changed=False, note=note)
    if lock.release(owner, given["result"], given["last"]):
        fault = run_hook(module, "after")
        if fault:
            module.fail_json(msg=f"{given['verb']} is {given['result']}, but: {fault}")
    module.exit_json(changed=False, note="")


if __name__ == "__main__":
    main()
