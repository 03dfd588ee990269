"""Runs of the images role on this machine, for an image of the tests' own: nothing of the platform is touched."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
PLAYBOOK = """
- name: Images
  hosts: localhost
  gather_facts: true
  become: true
  roles:
    - role: images
"""
RECIPE = """
ARG BASE=debian:trixie-slim
FROM ${{BASE}}
RUN --mount=type=bind,source=common,target=/recipe /recipe/installed {name} 1:2.3+ds1-4 && {command}
"""


@dataclass
class Run:
    """What a run of the role said."""

    code: int
    changed: int
    resolved: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: str = ""
    tasks: list[str] = field(default_factory=list)


class Role:
    """The role with a table of its own: `images` by name, each with a recipe that runs `command` while it is built."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.directory = directory
        self.recipes = directory / "recipes"
        self.archives = directory / "archives"
        self.archives.mkdir()
        (directory / "play.yml").write_text(PLAYBOOK)
        common = self.recipes / "common"
        common.mkdir(parents=True)
        (common / "installed").write_bytes((REPOSITORY / "files/images/common/installed").read_bytes())
        (common / "installed").chmod(0o755)
        (self.recipes / ".dockerignore").touch()
        self.recipe()

    def recipe(self, command: str = "true") -> None:
        """Write the image's recipe anew."""
        (self.recipes / self.name).mkdir(exist_ok=True)
        (self.recipes / self.name / "Dockerfile").write_text(RECIPE.format(name=self.name, command=command))

    def run(self, *arguments: str, **variables: Any) -> Run:
        """Run the role; `variables` come on top of what keeps the run away from the platform's own images."""
        given = {
            "ansible_connection": "local",
            "ansible_python_interpreter": "/usr/bin/python3",
            "platform_images": {self.name: {"ref": f"{self.name}:1"}},
            "images_recipes_dir": str(self.recipes),
            "images_build_dir": str(self.directory / "build"),
            "images_archive_dir": str(self.archives),
            "images_registry_timeout": 3,
            **variables,
        }
        process = subprocess.run(
            [
                Path(sys.executable).parent / "ansible-playbook",
                "--inventory=localhost,",
                f"--extra-vars={json.dumps(given)}",
                *arguments,
                str(self.directory / "play.yml"),
            ],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
                "ANSIBLE_ROLES_PATH": str(REPOSITORY / "roles"),
                "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
        start = process.stdout.find("{")
        assert start >= 0, process.stdout + process.stderr
        return read(process.returncode, json.loads(process.stdout[start:]))


def read(code: int, report: dict[str, Any]) -> Run:
    """Take what tests ask about out of Ansible's report."""
    run = Run(code=code, changed=report["stats"]["localhost"]["changed"])
    for play in report["plays"]:
        for task in play["tasks"]:
            result = task["hosts"].get("localhost", {})
            if result.get("changed"):
                run.tasks.append(task["task"]["name"])
            if result.get("failed"):
                run.failures += str(result.get("msg", "")) + "\n"
            run.resolved = result.get("ansible_facts", {}).get("images_resolved") or run.resolved
    return run
