"""A Compose project of two small services, written and compared by the same modules that write the platform's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.compose import service_list

from testing.images import image

ROOT = Path(__file__).parents[2]
SETTINGS = {"stop_grace_seconds": 1, "log_max_size": "1m", "log_max_files": 1, "ulimits": {}}
ROW = {"uid": 0, "gid": 0, "cpus": 0.5, "memory": "64m", "cpus_reserved": 0.1, "memory_reserved": "32m"}
TEMPLATE = """name: {project}
x-no-proxy: &no-proxy {{http_proxy: ""}}
services:
@services@
networks: {{jiucom: {{}}}}
"""
SLEEP = ["python3", "-c", "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(0)); signal.pause()"]


class Project:
    """The toy project: `store` is recreated for a changed file, `door` reads its files again."""

    def __init__(self, base: Path, reference: str) -> None:
        self.base, self.name = base, f"jiucom-test-{uuid.uuid4().hex[:8]}"
        compose = {"image": reference, "pull_policy": "never", "command": SLEEP, "health": "true"}
        self.definitions: dict[str, dict[str, Any]] = {
            "store": {"compose": dict(compose), "files": {"conf/store.conf": "one\n"}},
            "door": {"compose": dict(compose), "files": {"conf/door.conf": "one\n"}},
        }
        # Rows of services that are not as small as ROW.
        self.rows: dict[str, dict[str, Any]] = {}
        self.secrets = {"store": {"password": "first"}}
        self.scale = 1
        # Fixed ones, by service.
        self.fixed: dict[str, dict[str, str]] = {}
        # Directories of `store` that it reads again without a restart.
        self.reloads: list[str] = []

    def module(self, name: str, arguments: dict[str, Any], check: bool = False) -> dict[str, Any]:
        """Run one of our modules on this machine, as Ansible does with arguments from standard input; returns its result."""
        given = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check}}
        file = ROOT / f"collections/ansible_collections/jiucom/platform/plugins/modules/{name}.py"
        run = subprocess.run(
            [sys.executable, file], env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
            input=json.dumps(given), capture_output=True, text=True, check=False,
        )  # fmt: skip
        result: dict[str, Any] = json.loads(run.stdout or "{}")
        assert result, run.stderr
        return result

    def write(self, check: bool = False) -> list[str]:
        """Write the services' files; returns the services that changed."""
        settings = {**SETTINGS, "services": list(self.definitions), "addresses": self.fixed}
        services = service_list(self.definitions, dict.fromkeys(self.definitions, ROW) | self.rows, settings)
        arguments = {"base": str(self.base), "services": services, "secrets": self.secrets}
        result = self.module("service_files", arguments, check)
        assert "services" in result, result.get("msg", result)
        return list(result["services"])

    def arguments(self, **more: Any) -> dict[str, Any]:
        names = list(self.definitions)
        services: list[dict[str, Any]] = [{"name": name, "reload": name == "door"} for name in names]
        for service in services:
            if service["name"] == "store":
                service |= {"scale": self.scale, "reload": bool(self.reloads), "reloads": self.reloads}
        template = TEMPLATE.format(project=self.name)
        return {
            "path": str(self.base), "project": self.name, "template": template, "services": services, "only": names, **more,
        }  # fmt: skip

    def compare(self, check: bool = False, **more: Any) -> dict[str, Any]:
        """Write compose.yaml and compare; returns the module's result."""
        return self.module("compose_project", self.arguments(**more), check)

    def compose(self, *command: str) -> str:
        """Run docker compose in the directory of the project."""
        run = subprocess.run(
            ["docker", "compose", *command], cwd=self.base, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def apply(self) -> None:
        """Do what the role does with the comparison."""
        state = self.compare()
        assert "reasons" in state, state
        for name in state["recreate"]:
            self.compose("up", "--detach", "--force-recreate", name)
        self.compose("up", "--detach", "--no-recreate", "--remove-orphans")
        self.compare(applied=list(self.definitions))

    def settled(self) -> bool:
        """Whether nothing is left to do."""
        return bool(self.compare()["reasons"] == [])


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """The project, written and running."""
    try:
        toy = Project(tmp_path, image("python"))
    except LookupError as missing:
        pytest.fail(str(missing))
    toy.write()
    state = toy.compare()
    assert state["fresh"], state
    assert state["reasons"] == ["store: has no container", "door: has no container"]
    try:
        toy.apply()
        assert toy.settled()
        yield toy
    finally:
        toy.compose("down", "--timeout", "1", "--volumes", "--remove-orphans")


Start = Callable[..., str]


@pytest.fixture
def name() -> str:
    """A name for a Compose project of containers that `start` starts."""
    return f"jiucom-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def start(name: str) -> Iterator[Start]:
    """Start a container that passes for a service of the project; returns its id."""
    started = []

    def run(
        service: str,
        reference: str,
        *arguments: str,
        options: tuple[str, ...] = (),
        labels: dict[str, str] | None = None,
    ) -> str:
        given = {"com.docker.compose.project": name, "com.docker.compose.service": service, **(labels or {})}
        command = ["docker", "run", "--detach"]
        command += [word for key, value in given.items() for word in ("--label", f"{key}={value}")]
        done = subprocess.run([*command, *options, reference, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        started.append(done.stdout.strip())
        return started[-1]

    yield run
    for container in started:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], check=True, capture_output=True)
