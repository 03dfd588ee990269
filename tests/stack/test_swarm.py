"""Whether `docker stack` accepts each Compose key of a service, and the stack that is made of them."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.compose import ORDER, compose_part
from ansible_collections.jiucom.platform.plugins.module_utils import swarm

ROW = {"uid": 0, "gid": 0, "cpus": 0.5, "memory": "64m", "cpus_reserved": 0.1, "memory_reserved": "32m"}
SETTINGS = {
    "services": ["other"], "stop_grace_seconds": 30, "log_max_size": "1m", "log_max_files": 1, "ulimits": {"nofile": 1024},
}  # fmt: skip
# Every key that a role may write, beside those that all services have.
DEFINITION: dict[str, Any] = {
    "image": "image:1", "build": {"context": "./app"}, "pull_policy": "never", "scale": 2, "init": True, "entrypoint": ["sleep"],
    "command": ["1"], "environment": {"HERE": "a$b"}, "tmpfs": ["/run/x:size=1m"],
    "volumes": ["data:/data", "./app/conf:/conf:ro"],
    "ports": ["127.0.0.1:8080:80"], "depends_on": {"other": {"condition": "service_healthy"}}, "health": "true",
    "stop_signal": "SIGQUIT", "cap_add": ["NET_RAW"], "networks": {"jiucom": {"ipv4_address": "10.9.0.9"}},
}  # fmt: skip
# Swarm's client does not read a file with one of them as Compose writes it; of the last two, because of texts and numbers.
REFUSED = {"pull_policy", "scale", "depends_on", "cpu_shares", "memswap_limit", "ports", "deploy"}


def asked(file: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    """Ask Swarm's client to read a stack."""
    command = ["docker", "stack", "config", "--compose-file", "-"]
    return subprocess.run(command, input=json.dumps(file), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A service with every key, as Compose reads it."""
    home = tmp_path_factory.mktemp("stack")
    (home / "app/conf").mkdir(parents=True)
    (home / "app/conf/file").write_text("content")
    part = compose_part(DEFINITION, "app", ROW, SETTINGS)
    text = "name: toy\nx-no-proxy: &no-proxy {http_proxy: ''}\nservices:\n"
    text += "".join(f"  {line}" for line in part.splitlines(keepends=True))
    text += (
        "  other: {image: other}\nnetworks: {jiucom: {ipam: {config: [{subnet: 10.9.0.0/24}]}}}\nvolumes: {data: {}}\n"
    )
    command = ["docker", "compose", "--file", "-", "--project-directory", str(home), "config", "--format", "json"]
    read = subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(read)
    del found["services"]["other"]
    found["home"] = home
    return found


def test_the_service_has_every_key(project: dict[str, Any]) -> None:
    assert {key for key, value in project["services"]["app"].items() if value} == set(ORDER)


@pytest.mark.parametrize("key", ORDER)
def test_a_key_that_is_refused_is_changed_or_left_out(key: str, project: dict[str, Any]) -> None:
    value = project["services"]["app"][key]
    file: dict[str, Any] = {"services": {"app": {"image": "image:1", key: value}, "other": {"image": "o"}}}
    file |= {"networks": {"jiucom": {}}, "volumes": {"data": {}}}
    said = asked(file)
    assert (said.returncode != 0) == (key in REFUSED), said.stderr
    if key in REFUSED:
        assert key in swarm.CHANGED or key in swarm.LEFT


def test_the_stack_is_taken_without_a_warning(project: dict[str, Any]) -> None:
    home: Path = project["home"]
    stack = swarm.stack(project, swarm.Settings(home, "toy", "net", "10.9.0.0/24", b"key"))
    said = asked(stack.written(home / ".empty"))
    assert (said.returncode, said.stderr) == (0, "")
    # A dollar is doubled once, which this client takes for one.
    assert re.search(r"HERE: a\$b$", said.stdout, re.MULTILINE)
    assert "127.0.0.1" not in said.stdout
    assert "8080" not in said.stdout
