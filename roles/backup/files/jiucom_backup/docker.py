"""Docker by its command line."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from jiucom_backup.settings import BackupError


def docker(*arguments: str, given: str | None = None, environment: dict[str, str] | None = None) -> str:
    """Run docker; returns its output. Raises BackupError with what it said."""
    run = subprocess.run(
        ["docker", *arguments], input=given, env={**os.environ, **(environment or {})},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode:
        raise BackupError(f"docker {arguments[0]}: {run.stderr.strip() or f'ended with {run.returncode}'}")
    return run.stdout


def compose(directory: Path, *arguments: str) -> str:
    """Run docker compose in the installation's directory."""
    return docker(
        "compose", "--project-directory", str(directory), "--file", str(directory / "compose.yaml"), *arguments
    )


def inspect(name: str) -> dict[str, Any]:
    """Inspect a container, a volume or an image."""
    found: dict[str, Any] = json.loads(docker("inspect", name))[0]
    return found


def volume(project: str, name: str) -> Path | None:
    """Return the directory of an installation's volume on this host, None where there is no such volume."""
    full = f"{project}_{name}"
    if full not in docker("volume", "ls", "--quiet").split():
        return None
    return Path(json.loads(docker("volume", "inspect", full))[0]["Mountpoint"])
