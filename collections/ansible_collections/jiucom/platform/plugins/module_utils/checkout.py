"""The checkout that a run comes from, on the control node."""

from __future__ import annotations

import subprocess
from pathlib import Path


def commit(directory: str | Path) -> str:
    """Name the commit that a directory's checkout stands on, with a plus sign where files differ from it; empty without one."""
    told = ["git", "-C", str(directory), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(told, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
