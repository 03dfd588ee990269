#!/usr/bin/python
"""Remove an installation from its host."""

from __future__ import annotations

import shutil
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.images.build import PROJECT_LABEL

DOCUMENTATION = r"""
module: purge
short_description: Remove containers, networks, own images and files of an installation
description:
  - Its units, cron entries and rules of logrotate are stopped and removed. Archives of its backups stay.
  - What belongs to it is known by its labels, so that nothing of others goes. Images that a container still uses stay.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  volumes: {type: bool, default: false, description: 'Whether the volumes go, too, and with them the data.'}
author: [JIUCOM]
"""
EXAMPLES = "- jiucom.platform.purge: {path: /opt/jiucom, project: jiucom}"
RETURN = "lines: {type: list, returned: always, description: What was removed, and what stays.}"

# Units of the roles stack, backup and gateway: the project's name and a suffix. No pattern, which could match another project.
UNITS = (
    "-backup.timer", "-backup.service", "-drill.timer", "-drill.service", "-binlog.service",
    "-certificate.timer", "-certificate.service", "-drift.timer", "-drift.service", ".service",
)  # fmt: skip
# Below /etc.
FILES = ("cron.d/{}-backup", "cron.d/{}-certificate", "cron.d/{}-drift", "logrotate.d/{}-mysql")


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "volumes": {"type": "bool", "default": False},
        }
    )
    base, project = Path(module.params["path"]), module.params["project"]
    label = f"com.docker.compose.project={project}"
    containers = engine.get(engine.filtered("/containers/json?all=true", label=[label]))
    # The time by which containers are asked to end is in each of them.
    command = ["docker", "compose", "--project-name", project, "down", "--remove-orphans"]
    module.run_command([*command, *(["--volumes"] if module.params["volumes"] else [])], check_rc=True, cwd="/")
    images = engine.get(engine.filtered("/images/json", label=[f"{PROJECT_LABEL}={project}"]))
    gone = [
        one
        for one in images
        if module.run_command(["docker", "image", "rm", *(one["RepoTags"] or [one["Id"]])])[0] == 0
    ]
    units = [file for file in (Path("/etc/systemd/system", project + suffix) for suffix in UNITS) if file.exists()]
    if units:
        module.run_command(["systemctl", "disable", "--now", *(unit.name for unit in units)])
        for unit in units:
            unit.unlink()
        module.run_command(["systemctl", "daemon-reload"])
    for file in FILES:
        Path("/etc", file.format(project)).unlink(missing_ok=True)
    Path(f"/run/{project}.started").unlink(missing_ok=True)
    there = base.is_dir()
    if there:
        shutil.rmtree(base)
    kept = engine.get(engine.filtered("/volumes", label=[label])).get("Volumes") or []
    lines = [f"Removed: {len(containers)} containers, {len(gone)} images, {base if there else 'no files'}"]
    if kept:
        lines.append(
            f"Kept, with the data: {', '.join(one['Name'] for one in kept)}. With -e volumes=true they go, too"
        )
    module.exit_json(changed=bool(containers or gone or there), lines=lines)


if __name__ == "__main__":
    main()
