"""What keeps services from starting is named by the diagnosis, with what to type (H2)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from testing.images import image

from .conftest import ROOT

HEALTH = '[client]\nuser = health\npassword = "health"\nhost = 127.0.0.1\nprotocol = tcp\n'
Start = Callable[..., str]


def diagnose(role: str, **arguments: Any) -> list[str]:
    """Run a role's diagnosis module on this machine; returns its findings."""
    run = subprocess.run(
        [sys.executable, ROOT / f"roles/{role}/library/{role}_diagnose.py"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "collections")},
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), capture_output=True, text=True, check=False,
    )  # fmt: skip
    result = json.loads(run.stdout)
    found: list[str] = result["ansible_facts"][f"findings_{role}"]
    return found


@pytest.fixture
def project() -> str:
    return f"jiucom-test-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def start(project: str) -> Iterator[Start]:
    """Start a container that passes for a service of the project; returns its id."""
    started = []

    def run(service: str, reference: str, *arguments: str, options: tuple[str, ...] = ()) -> str:
        labels = (f"com.docker.compose.project={project}", f"com.docker.compose.service={service}")
        command = ["docker", "run", "--detach", *[word for label in labels for word in ("--label", label)]]
        done = subprocess.run([*command, *options, reference, *arguments], check=True, capture_output=True, text=True)
        started.append(done.stdout.strip())
        return started[-1]

    yield run
    for container in started:
        subprocess.run(["docker", "rm", "--force", "--volumes", container], check=True, capture_output=True)


@pytest.fixture
def mysql(start: Start, tmp_path: Path) -> str:
    """A MySQL whose root has no password, as an interrupted first start of the official image leaves it."""
    (tmp_path / "health.cnf").write_text(HEALTH)
    container = start(
        "mysql", image("mysql"), "-c", "mysqld --initialize-insecure --user=mysql && exec mysqld --user=mysql",
        options=("--entrypoint", "sh", "--user", "0", "--volume", f"{tmp_path}:/run/secrets:ro"),
    )  # fmt: skip
    end = time.monotonic() + 120
    while sql(container, "SELECT 1") != 0:
        assert time.monotonic() < end, subprocess.run(["docker", "logs", container], capture_output=True).stdout[-2000:]
        time.sleep(0.5)
    return container


def sql(container: str, statement: str) -> int:
    """Run a statement as root without a password; returns the exit code."""
    command = ["docker", "exec", container, "mysql", "--user=root", f"--execute={statement}"]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_an_interrupted_first_start_of_mysql(mysql: str, project: str) -> None:
    [finding] = diagnose("database", project=project)
    assert "first start was interrupted" in finding
    assert "docker compose down --volumes" in finding

    assert sql(mysql, "CREATE USER health@'127.0.0.1' IDENTIFIED BY 'health'") == 0
    assert diagnose("database", project=project) == []

    assert (
        sql(mysql, "ALTER USER health@'127.0.0.1' IDENTIFIED BY 'other'; ALTER USER root@localhost IDENTIFIED BY 'x'")
        == 0
    )
    [finding] = diagnose("database", project=project)
    assert "refuses the account of the health check" in finding


def test_containers_that_do_not_run(start: Start, project: str) -> None:
    python = image("python")
    start("ended", python, "-c", "print('out of paper'); raise SystemExit(3)", options=("--entrypoint", "python3"))
    sleep = ("-c", "import time; time.sleep(600)")
    check = ("--health-cmd", "echo no answer from below; exit 1", "--health-interval", "1s", "--health-retries", "1")
    start("ill", python, *sleep, options=("--entrypoint", "python3", *check))
    start("well", python, *sleep, options=("--entrypoint", "python3"))
    end = time.monotonic() + 30
    while "ill is unhealthy" not in "".join(
        found := diagnose("stack", project=project, services=["ended", "ill", "well", "gone"])
    ):
        assert time.monotonic() < end, found
        time.sleep(0.5)
    ended, ill, gone = found
    assert "ended is exited (code 3)" in ended
    assert "out of paper" in ended
    assert "no answer from below" in ill
    assert "gone has no container" in gone
