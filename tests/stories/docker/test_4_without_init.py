"""A development container has no init: one variable, and Docker is installed, started, reloaded and restarted without it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
import yaml
from docker_hosts import Machine

WITHOUT: dict[str, object] = {"docker_init": False}


@pytest.fixture(scope="module")
def host(machines: dict[str, Machine], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A container as the scenario's hosts are, but for its first process, which is no init."""
    model = machines["fresh"].container
    name = model.replace("-fresh", "-without-init")
    form = (
        "{{range .HostConfig.CapAdd}}--cap-add {{.}} {{end}}--security-opt seccomp=unconfined "
        "--security-opt apparmor=unconfined --security-opt systempaths=unconfined --cgroupns host "
        "--volume /sys/fs/cgroup:/sys/fs/cgroup:rw --volume /var/lib/docker {{.Config.Image}}"
    )
    options = run("docker", "inspect", "--format", form, model).split()
    run(
        "docker",
        "run",
        "--detach",
        "--name",
        name,
        "--network",
        model.removesuffix("-fresh"),
        *options,
        "sleep",
        "infinity",
    )
    inventory = tmp_path_factory.mktemp("inventory") / "hosts.yml"
    variables = {"ansible_connection": "community.docker.docker", "ansible_host": name, "ansible_user": "root"}
    inventory.write_text(yaml.safe_dump({"all": {"hosts": {"without-init": variables}}}))
    machine = Machine("without-init", name, [inventory], machines["fresh"].environment)
    # As on such machines: packages start nothing.
    machine.sh("printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d")
    yield machine
    run("docker", "rm", "--force", "--volumes", name)


def run(*command: str) -> str:
    """Run a program and return its output."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def daemon(host: Machine) -> str:
    """Return the process id of the daemon."""
    return host.sh("cat /var/run/docker.pid")


def test_a_host_without_an_init_is_refused_by_the_variable(host: Machine) -> None:
    said = host.role()
    assert said.code == 2
    assert "set docker_init: false" in said.said
    assert host.sh("which dockerd", check=False) == ""


def test_it_is_installed_and_started(host: Machine) -> None:
    assert host.role("--check", "--extra-vars", '{"docker_init": false}').code == 0
    host.apply(**WITHOUT)
    assert host.sh("docker info --format '{{.LiveRestoreEnabled}}'") == "true"
    assert host.apply(**WITHOUT) == 0


def test_it_is_reloaded_restarted_and_started(host: Machine) -> None:
    process, before = host.start("kept"), daemon(host)
    host.apply(docker_daemon_options={"debug": True}, **WITHOUT)
    assert daemon(host) == before
    assert host.sh("docker info --format '{{.Debug}}'") == "true"
    host.apply(docker_daemon_options={"debug": True, "max-concurrent-downloads": 2}, **WITHOUT)
    assert daemon(host) != before
    host.sh("start-stop-daemon --stop --retry TERM/30 --pidfile /var/run/docker.pid --exec /usr/sbin/dockerd")
    assert host.apply(**WITHOUT) > 0
    assert host.process("kept") == process


def test_what_the_daemon_refuses_at_start_goes_back(host: Machine) -> None:
    process = host.process("kept")
    said = host.role(docker_daemon_options={"log-opts": {"bad": "x"}}, **WITHOUT)
    assert said.code == 2
    assert "unknown log opt" in said.said
    assert "the old one is in place" in said.said
    assert host.process("kept") == process
