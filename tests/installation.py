"""Stores of the platform beside whatever runs on this machine, made by the roles themselves."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from testing.images import image

ROOT = Path(__file__).parents[1]
SECRETS = yaml.safe_load((ROOT / "inventories/dev/group_vars/all/secrets.yml").read_text())


class Installation:
    """The installation, and its secrets as the inventory has them."""

    def __init__(self, home: Path, name: str, **secrets: str) -> None:
        self.home, self.base = home, home / "jiucom"
        self.project = f"jiucom-{name}-{uuid.uuid4().hex[:8]}"
        self.secrets: dict[str, Any] = {**SECRETS, **secrets}
        # None of those that Docker gives to the networks of other tests.
        subnet = f"10.202.{random.randrange(256)}"
        names = ("mysql", "redis", "mysql-exporter", "redis-exporter")
        self.variables: dict[str, Any] = {
            "ansible_python_interpreter": sys.executable,
            "platform_dir": str(self.base),
            "platform_project": self.project,
            "platform_network_subnet": f"{subnet}.0/24",
            "platform_gateway_address": f"{subnet}.10",
            "images_resolved": {
                name: {
                    "reference": image(name),
                    "pull_policy": "never",
                    "product": name,
                    "version": "9.7",
                    "line": "9.7",
                }
                for name in names
            },
            # Small enough for a machine that tests other things too.
            "platform_services_overrides": {"mysql": {"memory": "1g"}},
            "database_buffer_pool_size": "128M",
            "docker_init": False,
            "_database_logrotate": str(home / "logrotate"),
        }

    def play(self, roles: list[str], tasks: list[dict[str, Any]], *words: str, code: int = 0, **more: Any) -> str:
        """Run roles, then tasks, on this machine; returns what Ansible said."""
        plays = [{"hosts": "localhost", "connection": "local", "roles": ["platform", *roles], "tasks": tasks}]
        host = {
            "installed": (self.base / "compose.yaml").is_file(),
            "drift": False,
            "docker": {"data_root": "/var/lib/docker"},
        }
        (self.home / "play.yml").write_text(yaml.safe_dump(plays))
        (self.home / "variables.yml").write_text(
            yaml.safe_dump({**self.variables, "platform_host": host, **self.secrets, **more})
        )
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", *words]
        command += ["-e", f"@{self.home / 'variables.yml'}", str(self.home / "play.yml")]
        run = subprocess.run(
            command, env=os.environ | {"ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, capture_output=True, text=True,
            timeout=500, check=False,
        )  # fmt: skip
        assert run.returncode == code, run.stdout + run.stderr
        return run.stdout + run.stderr

    def deploy(self, *words: str, roles: Sequence[str] = ("database", "cache"), **more: Any) -> str:
        """What site.yml does with these roles; returns what Ansible said."""
        return self.play([*roles, "stack"], [], *words, **more)

    def remove(self) -> None:
        """Remove its containers and volumes."""
        self.compose("down", "--timeout", "5", "--volumes", check=False)

    def compose(self, *command: str, given: str = "", check: bool = True) -> str:
        """Run docker compose; returns what it printed."""
        run = subprocess.run(
            ["docker", "compose", *command], cwd=self.base, input=given, text=True, check=check,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return run.stdout.strip()

    def mysql(self, user: str, password: str, host: str = "mysql") -> bool:
        """Tell whether an account of MySQL's may log in, as services do: with a new connection."""
        escaped = password.replace("\\", "\\\\").replace('"', '\\"')
        options = f'[client]\nuser = {user}\nhost = {host}\npassword = "{escaped}"\n'
        if host == "localhost":
            options += "protocol = socket\n"
        login = ["exec", "-T", "mysql", "mysql", "--defaults-extra-file=/dev/stdin", "-N", "-e", "SELECT 'let in'"]
        said = self.compose(*login, given=options, check=False)
        assert said == "let in" or "Access denied" in said, said
        return said == "let in"

    def redis(self, user: str, password: str) -> bool:
        """Tell whether an account of Redis's may log in."""
        escaped = password.replace("\\", "\\\\").replace('"', '\\"')
        said = self.compose("exec", "-T", "redis", "redis-cli", given=f'AUTH {user} "{escaped}"\n')
        assert said == "OK" or "WRONGPASS" in said, said
        return said == "OK"
