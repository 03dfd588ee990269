"""What a verification's report does not let pass."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
REQUIRED = yaml.safe_load((ROOT / "roles/platform/vars/main/main.yml").read_text())["_platform_required_checks"]
PLAY = """
- hosts: all
  gather_facts: false
  tags: [verify]
  roles: [platform]
  tasks:
    - ansible.builtin.set_fact: {checks_platform: "{{ results }}", cacheable: true}
    - ansible.builtin.include_role: {name: platform, tasks_from: report}
"""


def report(tmp_path: Path, seen: dict[str, bool], *arguments: str) -> tuple[int, str]:
    """Report what was `seen`, ids with whether they hold; returns the exit code and what was said, on one line."""
    (tmp_path / "report.yml").write_text(PLAY)
    lines = [{"id": name, "what": "a check", "seen": "something", "passed": passed} for name, passed in seen.items()]
    given = json.dumps({"results": lines})
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", tmp_path / "report.yml", "-e", given, *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible")},
    )  # fmt: skip
    return run.returncode, " ".join(run.stdout.split())


@pytest.mark.parametrize(
    ("seen", "arguments", "said"),
    [
        (REQUIRED[:-2], (), f"No role checked {', '.join(REQUIRED[-2:])}"),
        (REQUIRED, ("--tags", "verify,load"), "No role checked C2"),
    ],
)
def test_a_check_that_was_not_run(tmp_path: Path, seen: list[str], arguments: tuple[str, ...], said: str) -> None:
    code, output = report(tmp_path, dict.fromkeys(seen, True), *arguments)
    assert code == 2
    assert said in output


def test_a_failed_check(tmp_path: Path) -> None:
    code, output = report(tmp_path, {**dict.fromkeys(REQUIRED, True), "E1": False})
    assert code == 2
    assert f"1 of {len(REQUIRED)} checks failed: E1" in output


def test_all_checks_passed(tmp_path: Path) -> None:
    code, output = report(tmp_path, dict.fromkeys(REQUIRED, True))
    assert code == 0, output
    assert f"All {len(REQUIRED)} checks passed" in output


PROD = {
    "platform_environment": "prod",
    "platform_public_url": "https://shop.example.kr",
    "platform_dir": "/srv/jiucom",
    "platform_grafana_port": 3300,
    "platform_monitoring_bind": "",
    "gateway_swagger": False,
    "ansible_user": "ops",
    "ansible_host": "192.0.2.7",
    "platform_specifications": {},
    "_platform_unknown": {"foreign": ["docker_edition"]},
    "images_resolved": {},
}


def test_steps_left_to_do_in_production(tmp_path: Path) -> None:
    code, output = report(tmp_path, dict.fromkeys(REQUIRED, True), "-e", json.dumps(PROD))
    assert code == 0, output
    for said in (
        "API https://shop.example.kr/api/v1/ (Swagger UI is off)",
        "Prometheus inside the network only",
        "cd /srv/jiucom; sudo docker compose exec app python -m jiucom create-admin",
        "ssh -L 3000:127.0.0.1:3300 ops@192.0.2.7",
        "No alert has a receiver: set monitoring_alertmanager_enabled",
        "Ignored, no role here knows them: docker_edition",
    ):
        assert said in output


def test_no_steps_left_to_do_in_dev(tmp_path: Path) -> None:
    dev = {**PROD, "platform_environment": "dev", "gateway_swagger": True, "gateway_prometheus": True}
    code, output = report(tmp_path, dict.fromkeys(REQUIRED, True), "-e", json.dumps(dev))
    assert code == 0, output
    assert "API https://shop.example.kr/api/v1/swagger-ui.html" in output
    assert "Prometheus https://shop.example.kr/prometheus/" in output
    assert "create-admin" not in output
    assert "No alert has a receiver" not in output
