"""The doctor names faults with what to type, changes nothing, and does not fall ill itself (H2)."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def doctor(*arguments: str, changes: int = 0, **environment: str) -> str:
    """Run the doctor on this machine against a platform that is not there; returns what it said."""
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", "playbooks/doctor.yml", "-e", "platform_project=jiucom-preflight", *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible"), **environment},
    )  # fmt: skip
    said = " ".join(run.stdout.split())
    assert run.returncode == 0, run.stdout
    assert f"changed={changes} " in said
    return said


def test_the_doctor_where_nothing_is_installed(tmp_path: Path) -> None:
    images = {
        "images_sources": ["archive"],
        "images_archive_dir": "/nonexistent",
        "platform_dir": str(tmp_path / "none"),
    }
    said = doctor("-e", json.dumps(images | {"platform_images_overrides": {"zipkin": {"ref": "none/zipkin:1.0"}}}))
    assert "host: not installed" in said
    assert "zipkin: image missing" in said
    assert (
        "zipkin (none/zipkin:1.0): archive: in no archive of images_archive_dir, or of the bundle; "
        "on a host that has it, type: docker save" in said
    )
    assert "ansible-playbook site.yml" in said


def test_a_host_without_docker(tmp_path: Path) -> None:
    """An installation is there; nothing else can be said of it."""
    (tmp_path / "compose.yaml").touch()
    said = doctor("-e", f"platform_dir={tmp_path}", DOCKER_HOST="unix:///nonexistent.sock")
    assert "docker: Docker does not answer" in said
    assert "seen: Docker does not answer at /nonexistent.sock" in said
    assert said.count("seen: ") == 1


def test_a_support_bundle_of_a_broken_host(tmp_path: Path) -> None:
    (tmp_path / "compose.yaml").touch()
    given = {"platform_dir": str(tmp_path), "bundle": True, "_platform_bundle_dir": str(tmp_path)}
    doctor("-e", json.dumps(given), changes=3, DOCKER_HOST="unix:///nonexistent.sock")
    [bundle] = tmp_path.glob("jiucom-preflight-support-*.tar.gz")
    with tarfile.open(bundle) as archive:
        [name] = [name for name in archive.getnames() if name.endswith("/doctor.txt")]
        text = archive.extractfile(name)
        assert text is not None
        assert b"docker: Docker does not answer" in text.read()
