#!/usr/bin/python
"""Write a support bundle: what somebody who helps has to know, without secrets."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.redaction import Redaction, of_file, values

DOCUMENTATION = r"""
module: platform_bundle
short_description: Write a support bundle without secrets
description:
  - What cannot be asked, as of a Docker that does not answer, has the reason in its place.
options:
  path: {type: path, required: true, description: Directory of the installation.}
  project: {type: str, required: true, description: Name of the Compose project.}
  doctor: {type: list, elements: str, default: [], description: What the doctor has found.}
  secrets: {type: dict, default: {}, description: 'The secrets of the inventory, blanked wherever they show, and never printed.'}
  bundle: {type: path, required: true, description: 'The file to write, a tar.gz.'}
author: [JIUCOM]
"""
EXAMPLES = "- platform_bundle: {path: /opt/jiucom, project: jiucom, bundle: /root/support.tar.gz}"
RETURN = "names: {type: list, returned: always, description: Names in the bundle.}"

LINES = 500
COMMANDS = {
    "versions.txt": (
        "uname -a",
        "cat /etc/os-release",
        "docker version",
        "docker compose version",
        "docker buildx version",
    ),
    "disk.txt": ("df -h", "df -i", "docker system df", "free -m", "uptime"),
    "containers.txt": ("docker ps --all --no-trunc", "docker stats --no-stream"),
    "units.txt": (
        "systemctl list-timers --all",
        "systemctl --failed",
        "journalctl -u docker -n 100 --no-pager",
        "timedatectl",
    ),
}


def said(command: str) -> str:
    """Run a command and return it with what it says."""
    try:
        run = subprocess.run(
            ["sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=60, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"$ {command}\nno answer within a minute\n"
    return f"$ {command}\n{run.stdout}\n"


def state(container: dict[str, Any]) -> dict[str, Any]:
    """Return what matters of a container; its environment does not."""
    host = container["HostConfig"]
    return {
        "name": container["Name"],
        "image": container["Config"]["Image"],
        "image_id": container["Image"],
        "state": container["State"],
        "restarts": container["RestartCount"],
        "limits": {key: host[key] for key in ("Memory", "NanoCpus", "CpuShares", "PidsLimit")},
        "labels": {
            key: value for key, value in container["Config"]["Labels"].items() if key.startswith("com.docker.compose")
        },
    }


def texts(path: Path, project: str) -> Iterator[tuple[str, str]]:
    """Yield name and text of each file of the bundle."""
    for name in ("compose.yaml", "audit.log", ".lock", ".versions.json"):
        if (path / name).is_file():
            yield name.lstrip("."), (path / name).read_text(errors="replace")
    for name, commands in COMMANDS.items():
        yield name, "\n".join(map(said, commands))
    try:
        found = engine.containers(project)
    except engine.EngineError as fault:
        yield "containers.json", json.dumps({"fault": str(fault)})
        return
    yield "containers.json", json.dumps({name: list(map(state, group)) for name, group in found.items()}, indent=1)
    for group in found.values():
        for container in group:
            yield (
                f"logs/{container['Name'].strip('/')}.txt",
                said(f"docker logs --timestamps --tail {LINES} {container['Id']}"),
            )


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {
            "path": {"type": "path", "required": True},
            "project": {"type": "str", "required": True},
            "doctor": {"type": "list", "elements": "str", "default": []},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "bundle": {"type": "path", "required": True},
        }
    )
    given = module.params
    base, bundle = Path(given["path"]), Path(given["bundle"])
    secrets = list(values(given["secrets"]))
    for file in [*base.glob("*/secrets/*"), *base.glob("backup/ssh/id_*")]:
        secrets += of_file(file)
    redact, names = Redaction(secrets), list[str]()
    handle = os.open(bundle, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as output, tarfile.open(fileobj=output, mode="w:gz") as archive:
        doctor = "\n".join(given["doctor"]) + "\n"
        for name, text in [("doctor.txt", doctor), *texts(base, given["project"])]:
            content = redact(text).encode()
            entry = tarfile.TarInfo(f"{bundle.name.removesuffix('.tar.gz')}/{name}")
            entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
            archive.addfile(entry, io.BytesIO(content))
            names.append(name)
    module.exit_json(changed=True, names=names)


if __name__ == "__main__":
    main()
