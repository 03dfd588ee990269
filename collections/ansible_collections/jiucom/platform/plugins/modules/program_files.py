#!/usr/bin/python
"""Write a program of ours to the host, and what starts it by the clock."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils.files import replace

DOCUMENTATION = r"""
module: program_files
short_description: Write a program of ours to the host, and what starts it by the clock
description: [All in one step. Timers that are not wanted any more are stopped, and their files removed.]
options:
  base: {type: path, required: true, description: Directory of the program; root's alone.}
  files: {type: dict, required: true, description: Content by path; a script by its first line is executable.}
  clock: {type: dict, default: {}, description: Content by path of timers or of cron's file.}
  unwanted: {type: list, elements: path, default: [], description: Timers' and cron's files that are removed unless in O(clock).}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.program_files: {base: /opt/jiucom/backup, files: {/opt/jiucom/backup/config.json: '{}'}}"
RETURN = "written: {type: list, returned: always, description: Paths that were written or removed.}"


def mode(path: str, content: str, private: bool) -> int:
    """Return the mode that a file shall have."""
    if content.startswith("#!"):
        return 0o750
    return 0o640 if private else 0o644


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "base": {"type": "path", "required": True},
            "files": {"type": "dict", "required": True},
            "clock": {"type": "dict", "default": {}},
            "unwanted": {"type": "list", "elements": "path", "default": []},
        },
        supports_check_mode=True,
    )
    given, written, diff = module.params, [], []
    base, wanted = Path(given["base"]), given["files"] | given["clock"]
    strays = [str(path) for path in base.glob("program/**/*.py") if str(path) not in wanted]
    strays += [path for path in given["unwanted"] if path not in wanted and Path(path).exists()]
    if not base.is_dir() and not module.check_mode:
        base.mkdir(parents=True, mode=0o700)
    for path, content in wanted.items():
        file, bits = Path(path), mode(path, content, path in given["files"])
        current = file.read_text() if file.is_file() else ""
        if file.is_file() and current == content and file.stat().st_mode & 0o7777 == bits:
            continue
        written.append(path)
        if path.endswith(".py"):
            diff.append({"prepared": f"{path}: written\n"})
        else:
            diff.append({"before": current, "after": content, "before_header": path, "after_header": path})
        if not module.check_mode:
            file.parent.mkdir(parents=True, exist_ok=True)
            replace(file, content.encode(), -1, -1, bits)
    for path in strays:
        written.append(path)
        diff.append({"prepared": f"{path}: removed\n"})
        if not module.check_mode:
            if path.endswith((".timer", ".service")):
                subprocess.run(["systemctl", "disable", "--now", Path(path).name], capture_output=True, check=False)
            Path(path).unlink()
    module.exit_json(changed=bool(written), written=written, diff=diff)


if __name__ == "__main__":
    main()
