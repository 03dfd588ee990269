"""The control node's part of the module lock: it names the owner, and says whether the process of a lock has ended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.jiucom.platform.plugins.module_utils import locks, processes
from ansible_collections.jiucom.platform.plugins.module_utils.checkout import commit


def run_process() -> int:
    """Return the process of ansible-playbook: the last of our ancestors that runs the same program."""
    pid, program = os.getpid(), os.readlink("/proc/self/exe")
    found = pid
    while pid > 1:
        try:
            if (
                os.readlink(f"/proc/{pid}/exe") != program
                or b"ansible" not in Path(f"/proc/{pid}/cmdline").read_bytes()
            ):
                break
        except OSError:
            break
        found = pid
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return found


class ActionModule(ActionBase):  # type: ignore[misc]
    """Calls the module of the same name."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Run the module; once more where the lock is of a process of this machine that has ended."""
        super().run(tmp, task_vars)
        given = {**self._task.args, "owner": locks.owner(run_process(), commit(Path(__file__).parent))}
        answer: dict[str, Any] = self._execute_module(module_args=given, task_vars=task_vars)
        held = answer.get("held") or {}
        ours = held.get("boot") == given["owner"]["boot"] and held.get("node") == given["owner"]["node"]
        if ours and not processes.alive(held["process"], held["started"]):
            return dict(self._execute_module(module_args={**given, "gone": held["token"]}, task_vars=task_vars))
        return answer
