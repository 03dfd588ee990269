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
    """A Molecule host, a container on this machine with a Docker of its own; or this machine, by a loopback address.

    `inventories` are the paths of the scenario's inventories, `site` is the playbook that has installed the host.
    """

    name: str
    address: str
    inventories: list[str]
    site: str = "site.yml"

    @property
    def inventory_name(self) -> str:
        """The name of the host in its inventory, which is its scenario's."""
        return self.inventories[-1].split("/")[-2]

    def run(self, command: str, check: bool = True, seconds: int = 300) -> str:
        """Run a shell command on the host, in the installation directory if there is one; returns its output, both streams."""
        enter = [] if self.address == "127.0.0.1" else ["docker", "exec", self.name]
        result = subprocess.run(
            [*enter, "sh", "-c", f"cd /opt/jiucom 2> /dev/null; {command}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        assert not check or result.returncode == 0, f"{command}: {result.stdout[-3000:]}"
        return result.stdout

    def load(self, image: str) -> None:
        """Bring an image of this machine into the host's Docker."""
        subprocess.run(f"docker save {image} | docker exec -i {self.name} docker load", shell=True, check=True)  # noqa: S602

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

    def playbook(self, *arguments: str, playbook: str = "", seconds: int = 1500) -> tuple[int, str]:
        """Run a playbook against this host as an operator does; returns its exit code and output."""
        inventories = [word for path in self.inventories for word in ("-i", path)]
        # A site is verified where a test asks for it alone.
        skipped = [] if playbook.endswith("verify.yml") or "verify" in arguments else ["--skip-tags", "verify"]
        command = [str(ROOT / ".venv/bin/ansible-playbook"), playbook or self.site, *inventories, *skipped]
        environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
        result = subprocess.run(
            [*command, *arguments], cwd=ROOT, env=environment,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, check=False,
        )  # fmt: skip
        return result.returncode, result.stdout

    def apply(self, *arguments: str) -> tuple[int, str]:
        """Run the site's playbook, which must succeed; returns the number of changes and the output."""
        code, output = self.playbook(*arguments)
        assert code == 0, output[-6000:]
        return int(re.findall(r"changed=(\d+)", output)[-1]), output

    def unchanged(self, *arguments: str) -> None:
        """Run the site's playbook, which must find nothing to do."""
        changed, output = self.apply("--diff", *arguments)
        said = [part for part in re.split(r"(?=^TASK \[)", output, flags=re.MULTILINE) if "\nchanged: [" in part]
        assert changed == 0, "\n".join(said)[-6000:]

    def write(self, path: str, text: str) -> None:
        """Append text to a file by hand."""
        self.run(f"printf %s {shlex.quote(text)} >> {path}")

    def started(self) -> dict[str, str]:
        """Return since when each service's first container runs."""
        return {name: group[0]["State"]["StartedAt"] for name, group in self.inspect().items()}

    def wait_until_healthy(self, seconds: float = 240) -> None:
        """Wait until each service is healthy."""
        wait_for(lambda: set(self.health().values()) == {"healthy"}, seconds, "every service healthy")

    def restart(self, *services: str) -> None:
        """Restart services, all of them when none is named, and wait until each is healthy."""
        self.run(f"docker compose restart {' '.join(services)}")
        self.wait_until_healthy()

    def kill(self, *services: str) -> None:
        """Kill the main processes of services, all when none is named, as the kernel would; Docker starts them again."""
        before = self.started()
        killed = services or tuple(before)
        pids = [str(group[0]["State"]["Pid"]) for name, group in self.inspect().items() if name in killed]
        # Not `docker kill`, which counts as stopped by hand.
        self.run(f"kill -KILL {' '.join(pids)}")
        wait_for(lambda: all(self.started()[name] != before[name] for name in killed), 60, "new processes")
        self.wait_until_healthy()

    def boot(self, *, power_cut: bool = False, seconds: float = 300) -> None:
        """Reboot the host, or cut its power and switch it on, and wait until its boot unit has started the platform."""
        commands = [["kill"], ["start"]] if power_cut else [["restart", "--time", "120"]]
        for command in commands:
            subprocess.run(["docker", *command, self.name], check=True, capture_output=True, timeout=180)
        wait_for(lambda: self.unit("ActiveState") == "active", seconds, "the boot unit")

    def unit(self, name: str) -> str:
        """Return a property of the boot unit; empty while systemd does not answer."""
        return self.run(f"systemctl show --value --property {name} jiucom", check=False).strip()


def wait_for(look: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until `look` is true; fails with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(1)
