"""An inventory of production, whose hosts are never reached."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.control.checkout import NO_ENV, ROOT, output

PLAYBOOK = str(ROOT / ".venv/bin/ansible-playbook")
NOT_ASKED = {"ansible_host": "127.0.0.1", "ansible_port": 1, "ansible_user": "deploy"}


class Inventory:
    """An inventory of production whose one host is never reached."""

    def __init__(self, directory: Path) -> None:
        self.path, self.password = directory / "my inventory", directory / "password"
        self.all = self.path / "group_vars/all"
        self.all.mkdir(parents=True)
        self.write("../../hosts.yml", {"all": {"hosts": {"shop": NOT_ASKED, "spare": NOT_ASKED}}})
        self.write("main.yml", {"platform_environment": "prod"})

    def write(self, name: str, content: Any) -> Path:
        """Write a file of group_vars/all; a text as it is, anything else as YAML."""
        path = self.all / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
        return path

    def encrypt(self, name: str, content: Any) -> None:
        """Write a file and encrypt it."""
        path = self.write(name, content)
        self.password.write_text("known to this test")
        vault = [
            PLAYBOOK.removesuffix("playbook") + "vault",
            "encrypt",
            "--vault-password-file",
            str(self.password),
            str(path),
        ]
        subprocess.run(vault, check=True, capture_output=True)

    def play(
        self, *words: str, code: int = 2, playbook: str = "site.yml", root: Path = ROOT, env: Mapping[str, str] = NO_ENV
    ) -> str:
        """Run a playbook on it, and return what Ansible said."""
        if self.password.is_file():
            words = (*words, "--vault-password-file", str(self.password))
        said = output([PLAYBOOK, playbook, "-i", str(self.path), *words], root, code=code, env=env)
        return said if "UNREACHABLE" in said else " ".join(said.split())
