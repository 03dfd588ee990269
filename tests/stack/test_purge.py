"""An installation is removed from its host, and nothing else is."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Project


@pytest.fixture
def units(project: Project) -> Iterator[list[Path]]:
    """A unit of the project and of another one whose name begins with it, a cron entry and a rule of logrotate."""
    names = (f"{project.name}-backup.timer", f"{project.name}-two-backup.timer")
    files = [Path("/etc/systemd/system", name) for name in names] + [
        Path(f"/etc/cron.d/{project.name}-backup"),
        Path(f"/etc/logrotate.d/{project.name}-mysql"),
    ]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("# of a test\n")
    yield files
    for file in files:
        file.unlink(missing_ok=True)


def listed(kind: str, project: str) -> list[str]:
    """Return what Docker has with the project's label."""
    command = ["docker", kind, "ls", "--quiet", "--filter", f"label=com.docker.compose.project={project}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()


def test_purge(project: Project, units: list[Path]) -> None:
    volume, label = f"{project.name}_data", f"com.docker.compose.project={project.name}"
    subprocess.run(["docker", "volume", "create", "--label", label, volume], check=True, capture_output=True)
    # What the fixture takes down in the end has to be there once more.
    compose = (project.base / "compose.yaml").read_text()
    try:
        arguments = {"path": str(project.base), "project": project.name}
        result = project.module("purge", arguments)
        assert result["changed"], result
        assert (listed("container", project.name), listed("network", project.name)) == ([], [])
        assert listed("volume", project.name) == [volume]
        assert volume in result["lines"][1]
        assert not project.base.exists()
        assert [file.exists() for file in units] == [False, True, False, False]
        assert not project.module("purge", arguments)["changed"]
    finally:
        subprocess.run(["docker", "volume", "rm", "--force", volume], check=True, capture_output=True)
        project.base.mkdir(exist_ok=True)
        (project.base / "compose.yaml").write_text(compose)
