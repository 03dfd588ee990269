#!/usr/bin/python
"""Check the engine, its plugins, and that the daemon runs with its configuration."""

from __future__ import annotations

from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import daemon, engine
from ansible_collections.jiucom.platform.plugins.module_utils.checks import Checks, Seen, docker

DOCUMENTATION = r"""
module: docker_check
short_description: Check Docker itself
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- docker_check: {expected: {oldest: {version: '25.0', compose: '2.24', buildx: '0'}, options: {}}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_docker.}"

checks = Checks("docker")


@checks.check("F4", "the engine answers, with Compose v2 and Buildx")
def versions(expected: dict[str, Any]) -> Seen:
    found = {
        "version": engine.get("/version")["Version"],
        "compose": docker("compose", "version", "--short"),
        "buildx": docker("buildx", "version"),
    }
    numbers = {part: daemon.version_number(text) for part, text in found.items()}
    return not daemon.outdated(
        numbers, expected["oldest"]
    ), "Engine {version}, Compose {compose}, Buildx {buildx}".format(**numbers)


@checks.check("F4", "the daemon runs with its configuration, the operator's keys among it")
def configuration(expected: dict[str, Any]) -> Seen:
    info = engine.get("/info")
    file = daemon.read_configuration(daemon.configuration_path(daemon.arguments()))
    runs = {
        "log-driver": info["LoggingDriver"],
        "live-restore": info["LiveRestoreEnabled"],
        "debug": info["Debug"],
        "registry-mirrors": info["RegistryConfig"]["Mirrors"] or [],
    }
    content = file["content"]
    if isinstance(content.get("registry-mirrors"), list):
        content["registry-mirrors"] = [mirror.rstrip("/") + "/" for mirror in content["registry-mirrors"]]
    faults = [file["fault"]] if file["fault"] else []
    faults += [f"{key} is {runs[key]}" for key in runs if key in content and content[key] != runs[key]]
    faults += [
        f"docker_daemon_options.{key} is not in {file['path']}"
        for key, value in expected["options"].items()
        if value is not None and (key not in content if isinstance(value, dict) else content.get(key) != value)
    ]
    return not faults, ", ".join(faults) or f"log driver {runs['log-driver']}, live restore {runs['live-restore']}"


if __name__ == "__main__":
    checks.run()
