"""The report of drift: the program as a host has it, on a toy project, without Ansible."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, Project

VARIABLES = yaml.safe_load((ROOT / "roles/stack/vars/main/drift.yml").read_text())
LIBRARY = yaml.safe_load((ROOT / "roles/platform/vars/main/lock.yml").read_text())["_platform_lock_library"]


class Drift:
    """The program with the files that the role writes, and none else."""

    def __init__(self, project: Project) -> None:
        self.project, self.home = project, project.base / "drift"
        library = self.home / "program" / LIBRARY
        library.mkdir(parents=True)
        for name in VARIABLES["_stack_drift_names"]:
            shutil.copy(ROOT / "collections" / LIBRARY / f"{name}.py", library)
        shutil.copy(ROOT / "roles/stack/files/drift.py", self.home / "program")
        self.settings(keep=30)

    def settings(self, keep: int) -> None:
        """Write the settings as the role does."""
        services = self.project.arguments()["services"]
        settings = {"every_seconds": 3600, "keep": keep, "services": services}
        (self.home / "settings.json").write_text(json.dumps(settings))

    def run(self, code: int = 0) -> str:
        """Run the program as the timer does; returns what it prints."""
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(
            ["/usr/bin/env", "python3", self.home / "program/drift.py"],
            env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    def lines(self) -> list[str]:
        """Return what differs, which the newest report and the metric say, too."""
        said = self.run()
        lines = said.splitlines()[1:-1]
        assert self.metric("differences") == len(lines)
        assert not said or self.reports()[-1].read_text() == said
        return lines

    def reports(self) -> list[Path]:
        """Return the reports, the oldest first."""
        return sorted((self.home / "reports").glob("*.txt"))

    def metric(self, name: str) -> float:
        """Read a metric."""
        lines = (self.home / "metrics/metrics").read_text().splitlines()
        return float(dict(line.split() for line in lines if line[0] != "#")[f"jiucom_drift_{name}"])

    def override(self, service: str, text: str) -> None:
        """Run a service by a definition that compose.yaml does not have."""
        file = self.project.base.parent / "by-hand.yaml"
        file.write_text(f"services:\n  {service}:\n    {text}\n")
        self.project.compose("--file", "compose.yaml", "--file", str(file), "up", "--detach", service)


@pytest.fixture
def drift(project: Project) -> Drift:
    """The program on a project that runs as it is written."""
    return Drift(project)


def test_a_sound_host_is_silent(drift: Drift) -> None:
    assert drift.run() == ""
    assert drift.reports() == []
    assert drift.metric("differences") == 0
    assert drift.metric("interval_seconds") == 3600
    assert time.time() - drift.metric("compared_timestamp_seconds") < 60
    assert (drift.home / "metrics/metrics").stat().st_mode & 0o777 == 0o644


def test_containers_that_were_changed_by_hand_are_named_and_put_right(drift: Drift, project: Project) -> None:
    """Environment, limit, number, state, image: one after the other, then all that is left is put right at once."""
    project.definitions["door"]["compose"]["environment"] = {"MODE": "a$b"}
    project.write()
    project.apply()
    assert drift.lines() == []
    drift.override("door", "environment: {MODE: wrong, PASSWORD: hidden}")
    assert drift.lines() == ["door: its variable MODE is changed; its variable PASSWORD is added"]
    assert "hidden" not in drift.run()

    store = project.compose("ps", "--quiet", "store").strip()
    subprocess.run(["docker", "update", "--memory", "72m", "--memory-swap", "72m", store], check=True)
    assert "store: changed by hand: Memory is 75497472 instead of 67108864" in drift.lines()
    project.compose("up", "--detach", "--no-recreate", "--scale", "store=2", "store")
    assert "store: 2 containers instead of 1" in drift.lines()
    project.apply()
    assert drift.lines() == []

    reference = f"localhost/{project.name}:by-hand"
    image = project.definitions["store"]["compose"]["image"]
    try:
        subprocess.run(["docker", "tag", image, reference], check=True)
        drift.override("store", f"image: {reference}")
        assert drift.lines() == [f"store: its image is {reference} instead of {image}"]
        project.compose("stop", "door")
        assert "door: exited" in drift.lines()
        project.apply()
        assert drift.lines() == []
    finally:
        subprocess.run(["docker", "image", "rm", reference], check=False, capture_output=True)


def test_files_are_named_by_what_they_hold(drift: Drift, project: Project) -> None:
    """An edited, a missing and a strange file, compose.yaml, and a secret, which no content is kept of."""
    conf = project.base / "store/conf/store.conf"
    conf.write_text("by hand\n")
    [line] = drift.lines()
    assert line.startswith(f"store: {conf} was edited, on 20")
    conf.unlink()
    (project.base / "door/conf/stray.conf").touch()
    lines = drift.lines()
    assert f"store: {conf} is gone" in lines
    assert any(line.startswith(f"door: {project.base}/door/conf/stray.conf was put there") for line in lines)
    project.write()
    project.apply()
    assert drift.lines() == []

    (project.base / "store/secrets/password").write_text("by hand")
    assert drift.lines() == ["store: its files changed"]
    project.write()
    project.apply()
    with (project.base / "compose.yaml").open("a") as file:
        file.write("# by hand\n")
    [line] = drift.lines()
    assert line.startswith(f"compose.yaml: {project.base}/compose.yaml was edited")


def test_networks_and_strange_containers_are_named(drift: Drift, project: Project) -> None:
    door = project.compose("ps", "--quiet", "door").strip()
    subprocess.run(["docker", "network", "connect", "bridge", door], check=True)
    label = f"com.docker.compose.project={project.name}"
    image = project.definitions["door"]["compose"]["image"]
    run = ["docker", "run", "--detach", "--label", label, "--label", "com.docker.compose.service=guest", image, "true"]
    guest = subprocess.run(run, capture_output=True, text=True, check=True).stdout.strip()
    try:
        own = f"{project.name}_jiucom"
        assert drift.lines() == [
            f"door: changed by hand: it is connected to bridge and {own} instead of {own}",
            "guest: its containers are not in compose.yaml",
        ]
    finally:
        subprocess.run(["docker", "rm", "--force", guest], check=True, capture_output=True)


def test_replicas_of_the_definition_are_no_drift(drift: Drift, project: Project) -> None:
    project.definitions["store"]["compose"]["scale"] = 2
    project.scale = 2
    project.write()
    project.apply()
    assert drift.lines() == []


def test_old_reports_go_and_a_failure_leaves_the_metrics(drift: Drift, project: Project) -> None:
    drift.settings(keep=2)
    (project.base / "door/conf/stray.conf").touch()
    for day in ("20200101", "20200102", "20200103"):
        (drift.home / "reports").mkdir(exist_ok=True)
        (drift.home / f"reports/{day}T000000Z.txt").touch()
    drift.run()
    assert drift.reports()[0].name.startswith("20200103")
    assert len(drift.reports()) == 2

    before = (drift.home / "metrics/metrics").read_text()
    (project.base / "compose.yaml").write_text("services: [wrong\n")
    assert "cannot compare: docker compose" in drift.run(code=1)
    assert (drift.home / "metrics/metrics").read_text() == before
    project.compare()
