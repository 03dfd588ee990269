#!/usr/bin/python
"""Look at the engine and its plugins."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.promises import Promises, Seen, docker

DOCUMENTATION = r"""
module: docker_check
short_description: Look at the promises about Docker itself
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- docker_check: {facts: {log_max_size: 10m}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


@promises.promise("F4", "the engine answers, with Compose v2 and Buildx")
def versions(facts: dict[str, Any]) -> Seen:
    engine = docker("version", "--format", "{{.Server.Version}}").strip()
    compose = docker("compose", "version", "--short").strip()
    buildx = docker("buildx", "version").split()[1]
    return not compose.startswith("1."), f"Engine {engine}, Compose {compose}, Buildx {buildx}"


@promises.promise("F4", "containers survive a restart of the daemon, and their logs are rotated")
def daemon(facts: dict[str, Any]) -> Seen:
    info = json.loads(docker("info", "--format", "{{json .}}"))
    with open("/etc/docker/daemon.json") as file:
        options = json.load(file)["log-opts"]
    kept = info["LiveRestoreEnabled"] and options["max-size"] == facts["log_max_size"]
    return kept, f"live restore {info['LiveRestoreEnabled']}, logs at {options['max-size']}"


if __name__ == "__main__":
    promises.run()
