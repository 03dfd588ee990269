"""Docker's daemon as it is set up on the host: its flags, its configuration file, its packages."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIGURATION = "/etc/docker/daemon.json"
PID_FILE = Path("/var/run/docker.pid")

# Docker's packages of the distributions and of Docker's own repository, and what the engine finds by name on the host.
PACKAGES = ("docker*", "containerd*", "runc", "podman-docker", "iptables", "ca-certificates")


def version_number(text: str) -> str:
    """Return the first version in a text: `github.com/docker/buildx v0.17.1 257815a` becomes 0.17.1."""
    found = re.search(r"(?<![\w.])v?(\d+\.\d[\w.+~-]*)", text)
    return found.group(1) if found else ""


def outdated(versions: Mapping[str, Any], oldest: Mapping[str, str]) -> list[str]:
    """Name the parts of Docker that are missing or older than the platform needs."""

    def numbers(version: str) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", version)[:2]]

    return [part for part, version in oldest.items() if numbers(versions[part]) < numbers(version)]


def arguments() -> list[str]:
    """Return the flags of the running daemon; empty where none runs."""
    try:
        command = Path(f"/proc/{int(PID_FILE.read_text())}/cmdline").read_text()
    except (OSError, ValueError):
        return []
    return command.rstrip("\0").split("\0")[1:]


def replaced() -> bool:
    """Say whether the running daemon's program has been replaced on disk, by an upgrade without a restart."""
    try:
        return str(Path(f"/proc/{int(PID_FILE.read_text())}/exe").readlink()).endswith(" (deleted)")
    except (OSError, ValueError):
        return False


def flag_names(flags: list[str]) -> list[str]:
    """Name the flags: ["--log-driver=local", "-H", "fd://"] becomes ["log-driver", "H"]."""
    return [flag.lstrip("-").partition("=")[0] for flag in flags if flag.startswith("-")]


def configuration_path(flags: list[str]) -> str:
    """Return the file that the daemon reads."""
    for position, flag in enumerate(flags):
        name, _, value = flag.partition("=")
        if name == "--config-file":
            return value or flags[position + 1]
    return CONFIGURATION


def read_configuration(path: str) -> dict[str, Any]:
    """Read the configuration file: `exists`, `content`, and as `fault` why it cannot be read as JSON."""
    try:
        text = Path(path).read_text()
    except FileNotFoundError:
        return {"path": path, "exists": False, "content": {}, "fault": ""}
    fault, content = "", dict[str, Any]()
    try:
        content = json.loads(text) if text.strip() else {}
    except ValueError as why:
        fault = str(why)
    if not isinstance(content, dict):
        fault, content = "it is not a mapping", {}
    return {"path": path, "exists": True, "content": content, "fault": fault}


def holds_data(root: str) -> bool:
    """Say whether there are containers or volumes below the daemon's root, whether it runs or not."""
    kept = {"metadata.db", "backingFsBlockDev"}
    found = [path for name in ("containers", "volumes") for path in Path(root, name).glob("*")]
    return any(path.name not in kept for path in found)


def packages() -> dict[str, dict[str, Any]]:
    """Return Docker's installed packages by name: `version`, and `held` where apt may not change them."""
    form = "${Package} ${db:Status-Want} ${db:Status-Status} ${Version}\n"
    try:
        run = subprocess.run(
            ["dpkg-query", "--show", "--showformat", form, *PACKAGES], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return {}
    found = {}
    for line in run.stdout.splitlines():
        name, want, status, version = line.split(" ")
        if status == "installed":
            found[name] = {"version": version, "held": want == "hold"}
    return found
