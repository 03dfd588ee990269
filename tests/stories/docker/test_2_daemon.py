"""The daemon's configuration is the operator's: what the daemon refuses goes back, and no change costs a container."""

from __future__ import annotations

import json

import pytest
from docker_hosts import SCENARIO, Machine, Repository

FILE = "/etc/docker/daemon.json"
CHECKS = SCENARIO / "checks.yml"
OWN_SOURCE = "/etc/apt/sources.list.d/docker.list"


@pytest.fixture
def host(machines: dict[str, Machine]) -> Machine:
    """The scenario's Debian 13, on which the role has installed Docker."""
    return machines["debian13"]


def main_process(host: Machine) -> str:
    """Return the process id of the daemon, which a restart changes."""
    return host.sh("systemctl show --value --property MainPID docker.service")


def info(host: Machine, form: str) -> str:
    """Ask the daemon."""
    return host.sh(f"docker info --format '{form}'")


def test_what_the_daemon_refuses_at_start_goes_back(host: Machine) -> None:
    process, before = host.start("kept"), host.sh(f"cat {FILE}")
    run = host.role(docker_daemon_options={"log-opts": {"bad": "x"}})
    assert run.code == 2
    assert "the old one is in place" in run.said
    assert "unknown log opt 'bad' for json-file log driver" in run.said.replace("''", "'")
    assert host.sh(f"cat {FILE}") == before
    assert info(host, "{{.LoggingDriver}}") == "json-file"
    assert host.process("kept") == process


def test_a_mirror_is_taken_over_without_a_restart(host: Machine) -> None:
    daemon, process = main_process(host), host.process("kept")
    assert host.apply(docker_daemon_options={"registry-mirrors": ["http://mirror.example"]}) == 2
    assert main_process(host) == daemon
    assert "http://mirror.example/" in info(host, "{{.RegistryConfig.Mirrors}}")
    # It stays without the variable, until it is taken out.
    assert host.apply() == 0
    assert host.apply(docker_daemon_options={"registry-mirrors": None}) > 0
    assert info(host, "{{len .RegistryConfig.Mirrors}}") == "0"
    assert host.process("kept") == process


def test_a_file_that_the_daemon_has_not_read_is_seen(host: Machine) -> None:
    assert host.play(CHECKS).code == 0
    host.sh(f"""sed -i 's/"live-restore": true/"live-restore": true, "debug": true/' {FILE}""")
    assert host.apply() == 0
    run = host.play(CHECKS)
    assert run.code == 2
    assert "debug is False" in run.said
    host.sh("systemctl reload docker")
    assert host.play(CHECKS).code == 0


def test_a_stopped_daemon_is_started_and_enabled(host: Machine) -> None:
    host.sh("systemctl disable docker; systemctl stop docker docker.socket")
    assert host.apply() == 1
    assert host.sh("systemctl is-enabled docker; systemctl is-active docker") == "enabled\nactive"


def test_flags_of_the_daemon_are_not_repeated(host: Machine) -> None:
    host.sh(f"echo 'DOCKER_OPTS=\"--log-driver journald\"' > /etc/default/docker; rm {FILE}")
    host.restart_docker()
    host.apply()
    assert json.loads(host.sh(f"cat {FILE}")) == {"live-restore": True}
    assert info(host, "{{.LoggingDriver}}") == "journald"
    run = host.role(docker_daemon_options={"log-driver": "local"})
    assert run.code == 2
    assert "specified both as a flag and in the configuration file: log-driver" in run.said
    host.sh(f"rm /etc/default/docker {FILE}")
    host.restart_docker()


def test_a_swarm_node_keeps_its_daemon_as_it_is(host: Machine) -> None:
    host.sh("docker swarm init --advertise-addr 127.0.0.1")
    daemon = main_process(host)
    assert host.apply() == 0
    assert main_process(host) == daemon
    assert host.sh(f"cat {FILE}", check=False).endswith("No such file or directory")
    run = host.role(docker_daemon_options={"live-restore": True})
    assert run.code == 2
    assert "swarm node" in run.said
    host.restart_docker()
    host.sh("docker swarm leave --force")


def test_a_container_is_worth_more_than_a_log_driver(host: Machine) -> None:
    """The operator's `live-restore: false` stays, and then nothing that needs a restart is added while something runs."""
    host.sh(f"""echo '{{"live-restore": false}}' > {FILE}""")
    host.restart_docker()
    host.sh("docker start kept")
    process = host.process("kept")
    assert host.apply() == 0
    assert host.process("kept") == process


def test_the_operators_own_source_is_enough(machines: dict[str, Machine], repository: Repository) -> None:
    """A second source for the same address, with another key, would break apt on the host."""
    host = machines["docker-ce"]
    repository.trust(host)
    host.sh("mkdir -p /srv/keys")
    host.sh(f"cat > /srv/keys/own.asc <<'KEY'\n{(repository.root / 'gpg').read_text()}KEY")
    host.sh(f"echo 'deb [signed-by=/srv/keys/own.asc] {repository.url}/ trixie stable' > {OWN_SOURCE}")
    host.sh("apt-get remove --yes docker-buildx-plugin")
    process = host.process("operator")
    run = host.role()
    assert run.code == 2
    assert "apt-get install docker-buildx-plugin" in run.said

    # As after an upgrade that restarted nothing.
    host.sh("cp /usr/bin/dockerd /usr/bin/dockerd.new && mv /usr/bin/dockerd.new /usr/bin/dockerd")
    daemon = main_process(host)
    host.apply(docker_source="repository", docker_repository_url=repository.url)
    assert main_process(host) != daemon
    assert host.held() == {"docker-buildx-plugin"}
    assert host.sh("find /etc/apt -name 'jiucom*'") == ""
    host.sh("apt-get update")
    assert host.process("operator") == process


def test_an_upgrade_leaves_the_operators_packages_unheld(machines: dict[str, Machine], repository: Repository) -> None:
    host = machines["docker-ce"]
    process = host.process("operator")
    repository.publish("28.0.3-1")
    assert host.apply(docker_upgrade=True) > 0
    versions = host.versions()
    assert versions["docker-ce"] == versions["docker-buildx-plugin"] == "5:28.0.3-1"
    assert host.held() == {"docker-buildx-plugin"}
    assert host.process("operator") == process
