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
