"""Several hosts in an inventory, and several installations on a host."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.control.checkout import ROOT, output

PLAYBOOK = str(ROOT / ".venv/bin/ansible-playbook")
LOCAL = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}


def play(directory: Path, hosts: dict[str, dict[str, Any]], tasks: list[dict[str, Any]], *words: str) -> str:
    """Run tasks, with the roles' variables known, on hosts that are all this machine; returns what Ansible said."""
    roles = [{"role": path.name, "tags": ["never"]} for path in sorted((ROOT / "roles").iterdir())]
    plays = [{"hosts": "all", "gather_facts": False, "roles": roles, "tasks": tasks}]
    (directory / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    (directory / "hosts.yml").write_text(yaml.safe_dump({"all": {"vars": LOCAL, "hosts": hosts}}))
    secrets = f"@{ROOT}/inventories/dev/group_vars/all/secrets.yml"
    command = [PLAYBOOK, str(directory / "play.yml"), "-i", str(directory / "hosts.yml"), "-e", secrets, *words]
    return output(command, directory, ANSIBLE_CONFIG=str(ROOT / "ansible.cfg"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Return a source of the API that needs one package, of which there is a wheel for each architecture."""
    source = tmp_path / "api"
    shutil.copytree(ROOT / "api/jiucom", source / "jiucom", ignore=shutil.ignore_patterns("__pycache__"))
    [entry] = re.findall(r"^markupsafe==(?:.*\\\n)+.*", (ROOT / "api/requirements.lock").read_text(), re.MULTILINE)
    (source / "requirements.lock").write_text(entry + "\n")
    return source


def test_each_host_gets_the_wheels_of_its_architecture(tmp_path: Path, source: Path) -> None:
    """As far as the archive that is sent: what follows needs a host of that kind."""
    machines = ("x86_64", "aarch64", "x86_64")
    hosts = {f"host{n}": {"machine": machine} for n, machine in enumerate(machines)}
    given = {
        "api_source": str(source),
        "api_cache_dir": str(tmp_path / "cache"),
        "images_resolved": {"python": {"id": "sha256:1", "reference": "python:3"}},
        "platform_dir": str(tmp_path / "platform"),
    }
    seen = {"dest": f"{tmp_path}/{{{{ inventory_hostname }}}}.json", "content": "{{ __api_context | to_json }}"}
    tasks: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": {"architecture": "{{ machine }}", "cacheable": True}},
        {"ansible.builtin.include_role": {"name": "api", "tasks_from": "preflight"}},
        {"ansible.builtin.include_role": {"name": "api"}},
        {"ansible.builtin.copy": {**seen, "mode": "0600"}, "check_mode": False},
    ]
    play(tmp_path, hosts, tasks, "--check", "-e", json.dumps(given))
    packed = [json.loads((tmp_path / f"{name}.json").read_text()) for name in hosts]
    for machine, one in zip(machines, packed, strict=True):
        members = output(["tar", "--list", "--file", one["archive"]], tmp_path).split()
        [wheel] = [name for name in members if name.endswith(".whl")]
        assert machine in wheel
    assert packed[0]["checksum"] == packed[2]["checksum"] != packed[1]["checksum"]
