#!/usr/bin/python
"""Take and release the lock that the verbs share, with their hooks, and log what they did."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import hooks
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
token: {type: str, returned: always, description: 'JIUCOM_LOCK of programs of the host that work under this lock.'}
held: {type: dict, returned: for a failure and C(seen), description: The lock of somebody else.}
"""


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
        module.exit_json(changed=False, note="", token="")
    base, owner = Path(given["path"]), given["owner"]
    lock = Lock(base)
    if given["state"] == "seen":
        module.exit_json(changed=False, note=lock.stale(given["gone"]), held=lock.read())
    if given["state"] == "taken":
        try:
            note = lock.take(given["verb"], owner, given["seconds"], given["gone"])
        except HeldError as held:
            module.fail_json(msg=str(held), held=held.lock)
        taken = lock.read()
        fault = hooks.run(given["hooks"], "before", given["verb"], given["result"], base) if taken["depth"] == 1 else ""
        if fault:
            lock.release(owner, "refused by its hook")
            module.fail_json(msg=f"{fault}. Nothing was changed")
        module.exit_json(changed=False, note=note, token=taken["token"])
    # The verb that took it first, which may have included others.
    verb = lock.read().get("verb", given["verb"])
    if lock.release(owner, given["result"], given["last"]):
        fault = hooks.run(given["hooks"], "after", verb, given["result"], base)
        if fault:
            module.fail_json(msg=f"{verb} is {given['result']}, but: {fault}")
    module.exit_json(changed=False, note="", token="")


if __name__ == "__main__":
    main()
