"""What a verification's report does not let pass (issue 2)."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROMISED = yaml.safe_load((ROOT / "roles/platform/vars/main.yml").read_text())["_platform_promised"]
PLAY = """
- hosts: all
  gather_facts: false
  tags: [verify]
  tasks:
    - ansible.builtin.include_role: {name: platform, tasks_from: report}
"""


def report(tmp_path: Path, seen: dict[str, bool], *arguments: str) -> tuple[int, str]:
    """Report what was `seen`, ids with whether they hold; returns the exit code and what was said, on one line."""
    (tmp_path / "report.yml").write_text(PLAY)
    lines = [{"id": name, "what": "a promise", "seen": "something", "kept": kept} for name, kept in seen.items()]
    given = json.dumps({"platform_promises": lines})
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", tmp_path / "report.yml", "-e", given, *arguments],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible")},
    )  # fmt: skip
    return run.returncode, " ".join(run.stdout.split())


@pytest.mark.parametrize(
    ("seen", "arguments", "said"),
    [
        (PROMISED[:-2], (), f"No role looked at {', '.join(PROMISED[-2:])}:"),
        (PROMISED, ("--tags", "verify,load"), "No role looked at C2:"),
    ],
)
def test_a_promise_that_nobody_looked_at(
    tmp_path: Path, seen: list[str], arguments: tuple[str, ...], said: str
) -> None:
    code, output = report(tmp_path, dict.fromkeys(seen, True), *arguments)
    assert code == 2
    assert said in output


def test_a_broken_promise(tmp_path: Path) -> None:
    code, output = report(tmp_path, {**dict.fromkeys(PROMISED, True), "E1": False})
    assert code == 2
    assert f"1 of {len(PROMISED)} promises are broken: E1" in output


def test_kept_promises(tmp_path: Path) -> None:
    code, output = report(tmp_path, dict.fromkeys(PROMISED, True))
    assert code == 0, output
    assert f"All {len(PROMISED)} promises are kept" in output
