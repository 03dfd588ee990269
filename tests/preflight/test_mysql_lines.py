"""What the release line of MySQL's image decides: the exporter's flags, and the notice that its support ended (A2, D7)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LINES = yaml.safe_load((ROOT / "roles/database/vars/main/lines.yml").read_text())["_database_lines"]
# A host each: the image's version, whether the platform is there already, and the line that must follow.
HOSTS = {
    "manual": ("8.0.44", False, "8.0"),
    "again": ("8.0.44", True, "8.0"),
    "lts": ("8.4.6", False, "8.4"),
    "packaged": ("9.7.4-1", False, "9.7"),
    "newest": ("10.1.0", False, "9.7"),
    "unknown": ("", False, "9.7"),
}
TASKS = [
    {"ansible.builtin.include_role": {"name": "database", "tasks_from": "support", "public": True}},
    {
        "ansible.builtin.copy": {
            "dest": "{{ out }}/{{ inventory_hostname }}",
            "content": "{{ _database_line | to_json }}",
        }
    },
]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Run the role's choice on every host at once; returns the directory of the chosen lines and the output."""
    home = tmp_path_factory.mktemp("lines")
    local = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, "out": str(home)}
    hosts = {
        name: local | {"images_resolved": {"mysql": {"version": version}}, "platform_host": {"installed": installed}}
        for name, (version, installed, _) in HOSTS.items()
    }
    (home / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
    (home / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": TASKS}]))
    run = subprocess.run(
        [ROOT / ".venv/bin/ansible-playbook", home / "play.yml", "-i", home / "hosts.yml"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
        env={**os.environ, "ANSIBLE_HOME": str(ROOT / ".cache/ansible")},
    )  # fmt: skip
    assert run.returncode == 0, run.stdout
    return home, " ".join(run.stdout.split())


@pytest.mark.parametrize("host", HOSTS)
def test_the_line_of_an_image(said: tuple[Path, str], host: str) -> None:
    assert json.loads((said[0] / host).read_text()) == LINES[HOSTS[host][2]]


def test_the_notice_is_for_first_installations_of_a_line_without_support(said: tuple[Path, str]) -> None:
    assert said[1].count("support since April 2026. A new host") == 1
    assert said[1].count("mysql:8.4") == 1
