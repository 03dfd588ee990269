#!/usr/bin/python
"""Look at the engine and its plugins."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, docker

DOCUMENTATION = r"""
module: docker_check
short_description: Check Docker itself
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- docker_check: {expected: {log_max_size: 10m}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_docker.}"

checks = Checks("docker")


@checks.check("F4", "the engine answers, with Compose v2 and Buildx")
def versions(expected: dict[str, Any]) -> Seen:
    engine = docker("version", "--format", "{{.Server.Version}}").strip()
    compose = docker("compose", "version", "--short").strip()
    buildx = docker("buildx", "version").split()[1]
    return not compose.startswith("1."), f"Engine {engine}, Compose {compose}, Buildx {buildx}"


@checks.check("F4", "containers survive a restart of the daemon, and their logs are rotated")
def daemon(expected: dict[str, Any]) -> Seen:
    info = json.loads(docker("info", "--format", "{{json .}}"))
    with open("/etc/docker/daemon.json") as file:
        options = json.load(file)["log-opts"]
    passed = info["LiveRestoreEnabled"] and options["max-size"] == expected["log_max_size"]
    return passed, f"live restore {info['LiveRestoreEnabled']}, logs at {options['max-size']}"


if __name__ == "__main__":
    checks.run()
