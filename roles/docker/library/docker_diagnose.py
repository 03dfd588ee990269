#!/usr/bin/python
"""Find out whether Docker answers, and whether it is one that the platform can use (H2)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import daemon, engine
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault

DOCUMENTATION = r"""
module: docker_diagnose
short_description: Name what is wrong with Docker and what to type
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- docker_diagnose: {expected: {path: /opt/jiucom, oldest: {version: '25.0'}}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_docker.}"

diagnosis = Diagnosis("docker")


def said(*command: str) -> str:
    """Run a command and return what it says; empty where it is not there."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return ""
    return (run.stdout + run.stderr).strip()


@diagnosis.look
def answers(expected: dict[str, Any]) -> Iterator[Fault]:
    """The daemon does not answer; where nothing is installed, that is told instead."""
    try:
        engine.get("/info", seconds=20)
    except engine.EngineError as fault:
        if Path(expected["path"], "compose.yaml").is_file():
            state = said("systemctl", "is-active", "docker")
            seen = f"{fault}; systemctl is-active docker: {state}" if state else str(fault)
            yield Fault(
                "Docker does not answer", "docker", seen, "journalctl -u docker -n 50; systemctl restart docker"
            )


@diagnosis.look
def versions(expected: dict[str, Any]) -> Iterator[Fault]:
    """The engine, or a program of it, is older than the platform needs, or does not speak with the other."""
    found = {
        "version": engine.get("/version")["Version"],
        "compose": said("docker", "compose", "version", "--short"),
        "buildx": said("docker", "buildx", "version"),
    }
    numbers = {part: daemon.version_number(text) for part, text in found.items()}
    # Programs that are not found are older than any.
    old = [part for part in daemon.outdated(numbers, expected["oldest"]) if part in expected["oldest"]]
    names = {"version": "Engine", "compose": "Compose", "buildx": "Buildx"}
    if old:
        seen = ", ".join(
            f"{names[part]} is {numbers[part] or 'missing'}, and {expected['oldest'][part]} or newer is needed"
            for part in old
        )
        yield Fault(
            "Docker out of range", "docker", seen, "ansible-playbook site.yml --tags docker -e docker_upgrade=true"
        )
    refused = said("docker", "version", "--format", "{{.Server.Version}}")
    if "API version" in refused:
        yield Fault(
            "Docker out of range", "docker", refused, "apt-get install --only-upgrade docker-cli; docker version"
        )


if __name__ == "__main__":
    diagnosis.run()
