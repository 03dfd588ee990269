"""A run that begins at a later task ends with what to type, before it writes anything."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.control.checkout import APART, ROOT, output


@pytest.mark.parametrize(
    "task",
    [
        "Write nginx's files",
        "Pack source and wheels",
        "Write compose.yaml and compare it with what runs",
    ],
)
def test_a_later_task_says_to_begin_at_the_first(task: str, tmp_path: Path) -> None:
    given = json.dumps({**APART, "platform_dir": str(tmp_path / "platform")})
    command = [str(ROOT / ".venv/bin/ansible-playbook"), "site.yml", "-e", given, "--start-at-task", task]
    said = " ".join(output(command, ROOT, code=2).split())
    assert "run site.yml from its beginning" in said or "run the whole site.yml" in said
    assert "changed=0" in said
    assert not (tmp_path / "platform").exists()
