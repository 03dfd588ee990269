"""The doctor names faults with what to type, changes nothing, and does not fall ill itself (H2)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def doctor(*arguments: str, **environment: str) -> str:
    """Run the doctor on this machine against a platform that is not there; returns what it said."""
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", "playbooks/doctor.yml", "-e", "platform_project=jiucom-preflight", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible"), **environment},
    )  # fmt: skip
    said = " ".join(run.stdout.split())
    assert run.returncode == 0, run.stdout
    assert "changed=0" in said
    return said


def test_what_does_not_run_and_what_is_missing() -> None:
    images = {"images_sources": ["archive"], "images_archive_dir": "/nonexistent"}
    said = doctor("-e", json.dumps(images | {"platform_images_overrides": {"zipkin": {"ref": "none/zipkin:1.0"}}}))
    assert (
        "zipkin (none/zipkin:1.0): archive: in no archive of images_archive_dir; on a host that has it, type: docker save"
        in said
    )
    assert "prometheus does not run (no container): docker compose logs prometheus" in said
    assert "grafana does not run" in said


def test_a_host_without_docker() -> None:
    said = doctor(DOCKER_HOST="unix:///nonexistent.sock")
    assert "Docker does not answer, so little was checked" in said
