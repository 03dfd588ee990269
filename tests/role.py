"""One role, run on this machine into a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]


def run_role(role: str, home: Path, variables: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    """Run a role of this project into the directory `jiucom` of `home`; returns what ansible-playbook said and its code."""
    common = {"platform_dir": str(home / "jiucom"), "ansible_python_interpreter": sys.executable}
    play = [{"hosts": "localhost", "connection": "local", "roles": ["platform", role]}]
    (home / "play.yml").write_text(yaml.safe_dump(play))
    (home / "variables.yml").write_text(yaml.safe_dump(common | variables))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory", "localhost,"]
    command += ["--extra-vars", f"@{home / 'variables.yml'}", *options]
    environment = os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
    return subprocess.run(
        [*command, str(home / "play.yml")], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
