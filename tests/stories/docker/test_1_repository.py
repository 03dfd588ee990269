"""Docker from its own repository on a fresh host: one address is enough, nothing is removed, upgrades come by order."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from docker_hosts import LOGIN, Machine, Repository

PACKAGES = {"docker-ce", "docker-ce-cli", "containerd.io", "docker-compose-plugin", "docker-buildx-plugin"}

# Takes apt's locks as dpkg does, for so many seconds.
LOCKS = """
import fcntl, sys, time
files = [open(path, "w") for path in ("/var/lib/dpkg/lock-frontend", "/var/lib/dpkg/lock", "/var/lib/apt/lists/lock")]
for file in files: fcntl.lockf(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(float(sys.argv[1]))
"""

# Like podman-docker: what the host has and Docker's packages exclude.
EXCLUDES = """
mkdir -p /root/excludes/DEBIAN
printf 'Package: excludes-docker\\nVersion: 1\\nArchitecture: all\\nMaintainer: x <x@localhost>\\nDescription: x
Conflicts: docker.io, docker-ce\\n' > /root/excludes/DEBIAN/control
dpkg-deb --build /root/excludes /root/excludes.deb && dpkg --install /root/excludes.deb
"""


@contextmanager
def locked(host: Machine, seconds: int) -> Iterator[None]:
    """Hold apt's locks, as another program does that installs something."""
    command = ["docker", "exec", host.container, "python3", "-c", LOCKS, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        yield


@pytest.fixture(scope="module")
def host(machines: dict[str, Machine], repository: Repository) -> Machine:
    """A host on which nothing is installed; it and the control node trust the repository's server."""
    repository.trust(machines["fresh"])
    return machines["fresh"]


def test_what_apt_would_remove_is_named_and_stays(host: Machine) -> None:
    host.sh(EXCLUDES)
    host.sh("apt-get update")
    before = host.versions()
    for arguments in (["--check"], []):
        run = host.role(*arguments)
        assert run.code == 2
        assert "apt would remove excludes-docker from the host to install docker.io" in run.said
        assert host.versions() == before
    host.sh("dpkg --purge excludes-docker")


def test_check_mode_tells_of_the_packages_and_adds_nothing(host: Machine, repository: Repository) -> None:
    run = host.role("--check", docker_source="repository", docker_repository_url=repository.url + "/")
    assert run.code == 0, run.said[-3000:]
    assert "Simulate the installation of docker-ce docker-ce-cli containerd.io" in run.said
    assert run.changed >= 3
    assert host.sh("find /etc/apt -name 'jiucom*'; which dockerd", check=False) == ""


def test_a_wrong_address_is_refused_before_anything_is_added(host: Machine, repository: Repository) -> None:
    run = host.role(docker_source="repository", docker_repository_url=repository.url + "/none")
    assert run.code == 2
    assert "The control node found no signing key at" in run.said
    assert host.sh("find /etc/apt -name 'jiucom*'; which dockerd", check=False) == ""


def test_one_address_is_enough_and_the_lock_is_waited_for(host: Machine, repository: Repository) -> None:
    # Longer than Ansible waits unless it is told to.
    with locked(host, 90):
        host.apply(docker_source="repository", docker_repository_url=repository.url)
    assert host.versions().keys() >= PACKAGES
    assert host.held() == PACKAGES
    assert host.sh("cat /etc/apt/keyrings/jiucom-docker.asc") == (repository.root / "gpg").read_text().strip()
    assert host.sh("docker info --format '{{.LiveRestoreEnabled}} {{.LoggingDriver}}'") == "true json-file"


@pytest.mark.parametrize("source", ["repository", "auto"])
def test_another_run_changes_nothing_and_asks_once(host: Machine, repository: Repository, source: str) -> None:
    run = host.role(docker_source=source, docker_repository_url=repository.url)
    assert (run.code, run.changed) == (0, 0), run.said[-3000:]
    # On the host: facts, and its state. On the control node: two specifications, and the faults.
    assert run.said.count("ok: [fresh]") == 5


def test_docker_is_restarted_also_for_the_fourth_time_in_a_minute(host: Machine, repository: Repository) -> None:
    """systemd would stop it and refuse to start it."""
    wanted = {"docker_source": "repository", "docker_repository_url": repository.url}
    for _ in range(3):
        host.sh("systemctl restart docker", check=False)
    host.apply(docker_daemon_options={"max-concurrent-downloads": 2}, **wanted)
    assert host.sh("systemctl is-active docker") == "active"


def test_an_upgrade_touches_docker_alone_and_containers_live_on(host: Machine, repository: Repository) -> None:
    before, process = host.versions(), host.start("kept")
    repository.publish("28.0.2-1")
    wanted = {"docker_source": "repository", "docker_repository_url": repository.url}
    assert host.apply(**wanted) == 0, "without the order nothing is upgraded"
    assert host.versions() == before

    run = host.role("--check", docker_upgrade=True, **wanted)
    assert run.code == 0, run.said[-3000:]
    assert host.versions() == before

    assert host.apply(docker_upgrade=True, **wanted) > 0
    after = host.versions()
    assert {name for name in after if after[name] != before.get(name)} == PACKAGES
    assert {after[name] for name in PACKAGES} == {"5:28.0.2-1"}
    assert host.held() == PACKAGES
    assert host.process("kept") == process
    assert host.apply(docker_upgrade=True, **wanted) == 0


def test_packages_are_let_go(host: Machine) -> None:
    with locked(host, 60):
        assert host.apply(docker_hold=False) == 1
    assert host.held() == set()
    assert host.apply(docker_hold=False) == 0


def test_a_key_in_a_file_replaces_a_wrong_one(host: Machine, repository: Repository) -> None:
    """What an earlier run added with a wrong key is corrected, and a package that is gone comes back."""
    host.sh("echo wrong > /etc/apt/keyrings/jiucom-docker.asc; apt-get remove --yes docker-buildx-plugin")
    key = repository.root / "gpg"
    host.apply(docker_source="repository", docker_repository_url=repository.url, docker_repository_key=str(key))
    assert "docker-buildx-plugin" in host.versions()
    assert host.held() == {"docker-buildx-plugin"}


def test_a_mirror_that_wants_a_login(host: Machine, repository: Repository) -> None:
    """Apt has the login from the host's own file; the key comes from a file of the control node."""
    repository.publish("28.0.3-1")
    key = str(repository.root / "gpg")
    wanted = {"docker_source": "repository", "docker_repository_url": repository.private, "docker_repository_key": key}
    before = host.versions()
    run = host.role(docker_upgrade=True, **wanted)
    assert run.code == 2
    assert "401" in run.said
    assert host.versions() == before
    user, password = LOGIN
    host.sh(f"echo 'machine {repository.place} login {user} password {password}' > /etc/apt/auth.conf.d/mirror.conf")
    assert host.apply(docker_upgrade=True, **wanted) > 0
    assert {host.versions()[name] for name in PACKAGES} == {"5:28.0.3-1"}
    assert host.apply(docker_upgrade=True, **wanted) == 0
    assert password not in host.sh("cat /etc/apt/sources.list.d/jiucom*")
