"""A changed password reaches a Grafana that is installed, by its own command line (D4).

Grafana cannot be had on the machine that builds this: a test double stands for it, a container whose program `grafana` writes
down how it was called.
"""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from testing.images import image

from .conftest import run_monitoring

DOUBLE = """
import pathlib, signal
program = pathlib.Path("/usr/local/bin/grafana")
program.write_text('#!/bin/sh\\necho "$@" > /tmp/called; cat > /tmp/password; exit $(cat /tmp/code 2>/dev/null || echo 0)\\n')
program.chmod(0o755)
signal.pause()
"""


class Installation:
    """An installation directory with a running double of Grafana."""

    def __init__(self, home: Path) -> None:
        self.home, self.base = home, home / "jiucom"
        self.project = f"jiucom-test-{uuid.uuid4().hex[:8]}"
        secrets = self.base / "grafana/secrets"
        secrets.mkdir(parents=True)
        (secrets / "admin_password").write_text("the old one")
        service = {"image": image("python"), "entrypoint": ["python3", "-c", DOUBLE], "stop_grace_period": "0s"}
        (self.base / "compose.yaml").write_text(
            yaml.safe_dump({"name": self.project, "services": {"grafana": service}})
        )
        self.compose("up", "--detach")

    def compose(self, *command: str) -> str:
        run = subprocess.run(
            ["docker", "compose", *command],
            cwd=self.base,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
        )
        return run.stdout

    def inside(self, command: str) -> str:
        return self.compose("exec", "--no-TTY", "grafana", "sh", "-c", command)

    def run(self, password: str, product: str = "grafana") -> subprocess.CompletedProcess[str]:
        images: dict[str, dict[str, Any]] = {
            name: {"reference": image(name), "pull_policy": "", "product": name} for name in ("prometheus", "grafana")
        }
        images["grafana"]["product"] = product
        variables = {
            "images_resolved": images,
            "platform_project": self.project,
            "platform_host": {"volumes": [f"{self.project}_grafana-data"]},
            "monitoring_grafana_admin_password": password,
        }
        return run_monitoring(self.home, variables)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    made = Installation(tmp_path)
    yield made
    made.compose("down", "--timeout", "0")


def test_a_changed_password_is_set_once(installation: Installation) -> None:
    done = installation.run("a new one: $x 'y'")
    assert done.returncode == 0, done.stdout
    assert installation.inside("cat /tmp/called").strip() == "cli admin reset-admin-password --password-from-stdin"
    assert installation.inside("cat /tmp/password").rstrip("\n") == "a new one: $x 'y'"
    assert "a new one" not in done.stdout
    installation.inside("rm /tmp/called")
    assert installation.run("a new one: $x 'y'").returncode == 0
    assert installation.inside("ls /tmp").split() == ["password"]


def test_a_password_that_grafana_refuses_stays_to_be_changed(installation: Installation) -> None:
    installation.inside("echo 1 > /tmp/code")
    done = installation.run("a new one")
    assert done.returncode != 0
    assert (installation.base / "grafana/secrets/admin_password").read_text() == "the old one"


def test_board_reads_its_file_and_is_not_told(installation: Installation) -> None:
    assert installation.run("a new one", product="board").returncode == 0
    assert installation.inside("ls /tmp").split() == []
