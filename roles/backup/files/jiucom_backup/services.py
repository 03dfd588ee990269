"""The platform's services, whichever runs them: Compose on one host, Swarm on several."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from typing import Any

from jiucom_backup.docker import compose, docker, volume
from jiucom_backup.settings import BackupError, Settings

# MySQL initialises its volume before it answers.
START_SECONDS = 600
_STOP_SECONDS = 180


class Compose:
    """The services of compose.yaml."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start_command(self, service: str) -> str:
        """Return what starts a service by hand."""
        return f"docker compose up -d {service}"

    def running(self, service: str) -> list[str]:
        """Return the ids of a service's running containers."""
        labels = [f"project={self.settings.project}", f"service={service}", "oneoff=False"]
        return _containers(f"com.docker.compose.{label}" for label in labels)

    def image(self, service: str) -> str:
        """Return the image of a service, as it is defined."""
        return compose(self.settings.directory, "config", "--images", service).split()[0]

    def require_volumes(self, names: Iterable[str]) -> None:
        """Do nothing: all volumes are on this host."""

    def stop(self) -> None:
        """Stop everything."""
        compose(self.settings.directory, "stop")

    def start(self) -> None:
        """Start everything, in the order of compose.yaml."""
        command = ["up", "--detach", "--no-recreate", "--no-build", "--wait", "--wait-timeout", str(START_SECONDS)]
        compose(self.settings.directory, *command)

    def run(self, service: str, name: str, mounts: list[str], command: list[str]) -> None:
        """Start one container of a service under a name, without the services that it needs."""
        more = [word for mount in mounts for word in ("--volume", mount)]
        compose(self.settings.directory, "run", "--detach", "--no-deps", "--name", name, *more, service, *command)


class Stack:
    """The services of stack.json, on this host those whose data is here."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.stack: dict[str, Any] = json.loads((settings.directory / "stack.json").read_text())
        # The gateways are one on each host, have no data, and go on.
        self.numbers = {
            name: one["deploy"]["replicas"]
            for name, one in self.stack["services"].items()
            if one["deploy"]["mode"] == "replicated"
        }

    def start_command(self, service: str) -> str:
        """Return what says why a service does not run."""
        return f"docker service ps --no-trunc {self.settings.project}_{service}"

    def running(self, service: str) -> list[str]:
        """Return the ids of a service's containers that run on this host."""
        return _containers([f"com.docker.swarm.service.name={self.settings.project}_{service}"])

    def image(self, service: str) -> str:
        """Return the image of a service, as it is defined."""
        return str(self.stack["services"][service]["image"])

    def require_volumes(self, names: Iterable[str]) -> None:
        """Raise BackupError where a volume of the stack is on another host."""
        away = [name for name in names if name in self.stack["volumes"] and volume(self.settings.project, name) is None]
        if away:
            raise BackupError(
                f"{', '.join(away)} {'is' if len(away) == 1 else 'are'} not on this host: backups need swarm_placement to leave "
                "the services with data on the first host"
            )

    def stop(self) -> None:
        """Stop every service but the gateways, and wait until their containers have ended."""
        self._scale(dict.fromkeys(self.numbers, 0))
        self._wait(_STOP_SECONDS, dict.fromkeys(self.numbers, 0))
        here = [name for name in self.numbers if self.running(name)]
        if here:
            raise BackupError(f"{', '.join(here)} did not stop: docker ps")

    def start(self) -> None:
        """Start every service as often as stack.json says."""
        self._scale(self.numbers)
        self._wait(START_SECONDS, self.numbers)

    def run(self, service: str, name: str, mounts: list[str], command: list[str]) -> None:
        """Start one container of a service under a name, as stack.json defines it, without a network."""
        one = self.stack["services"][service]
        words = ["--user", one["user"], "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true"]
        words += ["--memory", one["deploy"]["resources"]["limits"]["memory"]]
        for key, value in one.get("environment", {}).items():
            words += ["--env", f"{key}={value}"]
        for mount in one.get("volumes", []):
            if mount["type"] == "tmpfs":
                words += ["--tmpfs", f"{mount['target']}:mode=1777,size={mount['tmpfs']['size']}"]
            else:
                words += ["--volume", f"{self.stack['volumes'][mount['source']]['name']}:{mount['target']}"]
        for kind in ("configs", "secrets"):
            for entry in one.get(kind, []):
                words += ["--volume", f"{self.stack[kind][entry['source']]['file']}:{entry['target']}:ro"]
        for mount in mounts:
            words += ["--volume", mount]
        docker("run", "--detach", "--name", name, "--network", "none", *words, one["image"], *command)

    def _scale(self, numbers: dict[str, int]) -> None:
        wanted = [f"{self.settings.project}_{name}={number}" for name, number in numbers.items()]
        docker("service", "scale", "--detach", *wanted)

    def _wait(self, seconds: float, numbers: dict[str, int]) -> None:
        end = time.monotonic() + seconds
        while True:
            lines = docker("service", "ls", "--format", "{{.Name}} {{.Replicas}}").splitlines()
            found = dict(line.split()[:2] for line in lines)
            late = [
                name
                for name, number in numbers.items()
                if found.get(f"{self.settings.project}_{name}") != f"{number}/{number}"
            ]
            if not late:
                return
            if time.monotonic() > end:
                how = "; ".join(self.start_command(name) for name in late)
                raise BackupError(f"{', '.join(late)}: not as wanted within {seconds:.0f} s: {how}")
            time.sleep(1)


def services(settings: Settings) -> Compose | Stack:
    """Return the services of this installation. Raises BackupError where there is none."""
    if (settings.directory / "stack.json").exists():
        return Stack(settings)
    if (settings.directory / "compose.yaml").exists():
        return Compose(settings)
    raise BackupError(f"{settings.directory} has no compose.yaml: install first with ansible-playbook site.yml")


def _containers(labels: Iterable[str]) -> list[str]:
    filters = [word for label in labels for word in ("--filter", f"label={label}")]
    return docker("ps", "--quiet", "--no-trunc", *filters).split()
