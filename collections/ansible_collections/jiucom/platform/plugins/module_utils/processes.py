"""Processes by number and start, so that a number that was given again is not taken for the process of before."""

from __future__ import annotations

import os
from pathlib import Path


def started(pid: int) -> int:
    """Return when a process started, in ticks since the boot; 0 where there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The name in brackets may hold blanks and brackets.
    fields = text.rpartition(")")[2].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def alive(pid: int, start: int) -> bool:
    """Say whether the process that started then is there."""
    return start > 0 and started(pid) == start


def boot() -> str:
    """Name this boot of this machine, and the container: a process of another machine or container is not looked for here."""
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {os.readlink('/proc/self/ns/pid')}"
