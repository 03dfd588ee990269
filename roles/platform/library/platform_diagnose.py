#!/usr/bin/python
"""Find out what is wrong with the host itself: the platform is missing, a disk is full, a port is taken, a lock is stale (H2)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault

DOCUMENTATION = r"""
module: platform_diagnose
short_description: Name what is wrong with the host and what to type
description: [Changes nothing, and needs no Docker.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- platform_diagnose: {expected: {path: /opt/jiucom, disks: [/], free_mb: 1000, ports: [], several: false, stale: ''}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_platform.}"

diagnosis = Diagnosis("platform")


@diagnosis.look
def installation(expected: dict[str, Any]) -> Iterator[Fault]:
    """The platform is not there."""
    file = Path(expected["path"], "compose.yaml")
    if not file.is_file() and not expected["several"]:
        yield Fault("not installed", "host", f"{file} is not there", "ansible-playbook site.yml")


@diagnosis.look
def disks(expected: dict[str, Any]) -> Iterator[Fault]:
    """A disk that the platform writes to is nearly full."""
    seen: set[int] = set()
    for name in expected["disks"]:
        path = Path(name)
        while not path.exists():
            path = path.parent
        device, space = path.stat().st_dev, os.statvfs(path)
        if device in seen:
            continue
        seen.add(device)
        free, size = (blocks * space.f_frsize // 2**20 for blocks in (space.f_bavail, space.f_blocks))
        inodes = space.f_favail / space.f_files if space.f_files else 1
        if free < expected["free_mb"] or inodes < 0.02:
            yield Fault(
                "disk nearly full",
                "host",
                f"{path} has {free} of {size} MB free, and {inodes:.0%} of its inodes",
                f"du -xh --max-depth=2 {path} | sort -h | tail; docker system df; "
                "ansible-playbook playbooks/images.yml -e images_prune=true removes own images of earlier releases",
            )


def holder(port: int) -> str:
    """Name the process that listens on a TCP port."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(entry.path) in inodes for entry in os.scandir(process / "fd")):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
        except OSError:
            continue
    return "a process of another namespace"


@diagnosis.look
def ports(expected: dict[str, Any]) -> Iterator[Fault]:
    """A stranger listens where the platform publishes a port."""
    for entry in expected["ports"]:
        yield Fault(
            "port taken",
            # The gateway publishes the API's port.
            "nginx" if entry["service"] == "app" else entry["service"],
            f"{holder(int(entry['port']))} listens on port {entry['port']}",
            f"ss -ltnp 'sport = :{entry['port']}', stop that process, then docker compose up -d; or set {entry['variable']}",
        )


@diagnosis.look
def lock(expected: dict[str, Any]) -> Iterator[Fault]:
    """The lock of a run that has ended keeps others out."""
    if expected["stale"]:
        type_ = f"sudo rm {expected['path']}/.lock, if no other control node runs it; the next command then goes on"
        yield Fault("stale lock", "host", re.sub(r"\s+", " ", expected["stale"]), type_)


if __name__ == "__main__":
    diagnosis.run()
