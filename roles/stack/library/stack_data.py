#!/usr/bin/python
"""Remember which versions wrote the data volumes, and refuse others that could not read them."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: stack_data
short_description: Refuse data of another major version
description:
  - A volume that another major version wrote, or a newer one, is never started (A2). A volume that does not exist is no matter.
options:
  project: {type: str, required: true, description: Name of the Compose project.}
  versions: {type: path, required: true, description: File that remembers the versions.}
  wanted: {type: dict, required: true, description: Version of each image that is about to run.}
  record: {type: bool, default: false, description: Remember the wanted versions instead of comparing.}
author: [JIUCOM]
"""
EXAMPLES = "- stack_data: {project: jiucom, versions: /opt/jiucom/.versions.json, wanted: {mysql: 9.7.4}}"
RETURN = "faults: {type: list, returned: always, description: One line a volume that must not be started.}"

VOLUMES = {"mysql": "mysql-data", "redis": "redis-data", "prometheus": "prometheus-data"}


def numbers(version: str) -> tuple[int, ...]:
    """Turn `9.7.4-1` into (9, 7): what decides whether data can be read."""
    found = re.findall(r"\d+", version)
    return tuple(int(n) for n in found[:2])


def faults(recorded: dict[str, str], wanted: dict[str, str], volumes: set[str]) -> list[str]:
    """Name the volumes that the wanted versions may not open."""
    found = []
    for service, volume in VOLUMES.items():
        old, new = numbers(recorded.get(service, "")), numbers(wanted.get(service, ""))
        if not old or not new or volume not in volumes:
            continue
        if old[0] != new[0] or new < old:
            found.append(
                f"The data in {volume} was written by {service} {recorded[service]}; {wanted[service]} cannot take it over. "
                f"Set platform_images_overrides.{service}.ref to a {old[0]}.x image, or back up, remove the volume and restore"
            )
    return found


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "project": {"type": "str", "required": True},
            "versions": {"type": "path", "required": True},
            "wanted": {"type": "dict", "required": True},
            "record": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    file = Path(module.params["versions"])
    recorded: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    wanted = {name: version for name, version in module.params["wanted"].items() if name in VOLUMES}
    if module.params["record"]:
        changed = recorded != wanted
        if changed and not module.check_mode:
            file.write_text(json.dumps(wanted, indent=2, sort_keys=True) + "\n")
        module.exit_json(changed=changed, faults=[])
    volumes: set[str] = set()
    if recorded and module.get_bin_path("docker"):
        prefix = f"{module.params['project']}_"
        code, out, _ = module.run_command(["docker", "volume", "ls", "--quiet"])
        volumes = {name.removeprefix(prefix) for name in out.split() if name.startswith(prefix)} if code == 0 else set()
        if code != 0:  # no daemon to ask: what was recorded stands
            volumes = set(VOLUMES.values())
    module.exit_json(changed=False, faults=faults(recorded, wanted, volumes))


if __name__ == "__main__":
    main()
