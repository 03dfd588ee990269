"""What the stories share: a host that Molecule made and site.yml installed, asked over its own commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SERVICES = ("mysql", "redis", "app", "nginx", "prometheus", "grafana", "redis-exporter", "mysql-exporter", "zipkin")


@dataclass
class Host:
    """A Molecule host, a container on this machine with a Docker of its own; or this machine, by a loopback address."""

    name: str
    address: str
    inventory: str

    def run(self, command: str, check: bool = True, seconds: int = 300) -> str:
        """Run a shell command on the host, in the installation directory; returns its output, both streams."""
        enter = [] if self.address == "127.0.0.1" else ["docker", "exec", self.name]
        result = subprocess.run(
            [*enter, "sh", "-c", f"cd /opt/jiucom && {command}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert not check or result.returncode == 0, f"{command}: {result.stdout[-3000:]}"
        return result.stdout

    def inspect(self) -> dict[str, list[dict[str, Any]]]:
        """Inspect the platform's containers, by service."""
        found: dict[str, list[dict[str, Any]]] = {}
        for container in json.loads(self.run("docker inspect $(docker compose ps --all --quiet)")):
            found.setdefault(container["Config"]["Labels"]["com.docker.compose.service"], []).append(container)
        return found

    def ids(self) -> dict[str, set[str]]:
        """Return the ids of the containers by service."""
        return {name: {c["Id"] for c in group} for name, group in self.inspect().items()}

    def health(self) -> dict[str, str]:
        """Return the health of each service's first container."""
        return {name: group[0]["State"]["Health"]["Status"] for name, group in self.inspect().items()}

    def get(self, path: str, port: int = 80) -> tuple[int, str]:
        """GET through a published port, from this machine; returns status and body, 0 when nothing answers."""
        result = subprocess.run(
            ["curl", "-s", "-m", "10", "-w", "\n%{http_code}", f"http://{self.address}:{port}{path}"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        body, _, status = result.stdout.rpartition("\n")
        return int(status), body

    def access_log(self, uri: str) -> list[dict[str, Any]]:
        """Return the gateway's log lines of the requests whose path and query begin with `uri`."""
        wanted = shlex.quote(f'"uri":"{uri}')
        log = self.run(f"docker logs $(docker compose ps --quiet nginx) 2>/dev/null | grep -F {wanted} || true")
        return [json.loads(line) for line in log.splitlines()]

    def playbook(self, *arguments: str, playbook: str = "site.yml", seconds: int = 600) -> tuple[int, str]:
        """Run a playbook against this host as an operator does; returns its exit code and output."""
        result = subprocess.run(
            [ROOT / ".venv/bin/ansible-playbook", playbook, "-i", self.inventory, "--skip-tags", "verify", *arguments],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
        )  # fmt: skip
        return result.returncode, result.stdout

    def apply(self, *arguments: str) -> tuple[int, str]:
        """Run site.yml, which must succeed; returns the number of changes and the output."""
        code, output = self.playbook(*arguments)
        assert code == 0, output[-6000:]
        return int(re.findall(r"changed=(\d+)", output)[-1]), output

    def write(self, path: str, text: str) -> None:
        """Append text to a file by hand."""
        self.run(f"printf %s {shlex.quote(text)} >> {path}")


def wait_for(look: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until `look` is true; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(1)
