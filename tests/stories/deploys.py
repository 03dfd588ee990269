"""Versions of the API to deploy."""

from __future__ import annotations

import shutil
from pathlib import Path

from hosts import ROOT

DEPLOY = "playbooks/deploy.yml"


def version(home: Path, name: str, line: str = "") -> tuple[str, str]:
    """Copy the source with a change; returns what a deploy is given."""
    source = home / name
    shutil.copytree(ROOT / "api", source)
    with (source / "jiucom/server.py").open("a") as file:
        file.write(f"\n# {name}\n{line}\n")
    return "-e", f"api_source={source}"
