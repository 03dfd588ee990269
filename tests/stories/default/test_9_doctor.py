"""The doctor names each fault that is planted, and no other: alone, in pairs, and on a sound host nothing (H2)."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from doctor import DOCTOR, told
from hosts import ROOT, Host, wait_for

# What is told of each fault of faults.sh.
FAULTS = {
    "mysql": ("mysql", "does not run"),
    "db-host": ("app", "wrong DB_HOST"),
    "job": ("prometheus", "no Prometheus target"),
    "datasource": ("grafana", "Grafana without data"),
    "upstream": ("nginx", "nginx answers 502"),
    "endpoint": ("app", "no traces"),
    "exporter": ("mysql-exporter", "MySQL exporter refused"),
    "password": ("app", "secret rejected"),
    "memory": ("app", "killed for memory"),
    "build": ("redis-exporter", "another image"),
    "file": ("redis", "drift"),
    "replica": ("app", "drift"),
    "limit": ("redis-exporter", "drift"),
    "port": ("nginx", "port taken"),
    "lock": ("host", "stale lock"),
    "deploy": ("app", "half-finished deploy"),
    "contract": ("app", "contract migration pending"),
    "disk": ("host", "disk nearly full"),
    "clock": ("host", "clock off"),
    "daemon": ("docker", "Docker does not answer"),
}
PAIRS = [("mysql", "upstream"), ("exporter", "datasource"), ("file", "lock"), ("db-host", "disk"), ("port", "job")]
# Where a fault shows later than it is planted: when it does.
SHOWS = {
    "mysql": "docker compose ps app | grep -q unhealthy",
    "job": "docker compose exec -T prometheus wget -q -O - 'http://127.0.0.1:9090/api/v1/targets' | grep -q another",
    "datasource": "docker compose ps grafana | grep -q '(healthy)'",
    "endpoint": "docker compose ps app | grep -q '(healthy)'",
    "exporter": "docker compose ps mysql-exporter | grep -q unhealthy",
    "password": "docker compose logs --tail 50 app | grep -q 'Access denied'",
    "contract": "docker compose ps app | grep -q '(healthy)'",
}
# The clock of the host's Python is wrong; the kernel's is that of this machine.
ARGUMENTS = {"clock": ("-e", "ansible_python_interpreter=/usr/local/bin/late-python")}


def at(host: Host, verb: str, which: str) -> None:
    """Plant or cure a fault."""
    host.run(f"sh /root/faults.sh {verb} {which}")


def plant(host: Host, which: str, planted: list[str]) -> None:
    """Plant a fault, and wait until it shows."""
    planted.append(which)
    at(host, "plant", which)
    shows = SHOWS.get(which, "true")
    wait_for(lambda: host.run(f"{shows} && echo shows", check=False).endswith("shows\n"), 180, which)


@pytest.fixture(autouse=True)
def planted(host: Host) -> Iterator[list[str]]:
    """Take away what a test has planted, also where it failed."""
    subprocess.run(["docker", "cp", str(ROOT / "tests/stories/faults.sh"), f"{host.name}:/root/faults.sh"], check=True)
    names: list[str] = []
    yield names
    for which in reversed(names):
        at(host, "cure", which)
    host.wait_until_healthy()


def test_a_sound_host_is_one_line(host: Host) -> None:
    host.wait_until_healthy()
    assert told(host) == set()


@pytest.mark.parametrize("which", FAULTS)
def test_a_fault_alone(host: Host, planted: list[str], which: str) -> None:
    plant(host, which, planted)
    assert told(host, *ARGUMENTS.get(which, ())) == {FAULTS[which]}


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_faults(host: Host, planted: list[str], pair: tuple[str, str]) -> None:
    for which in pair:
        plant(host, which, planted)
    # Without MySQL the API answers nothing by any way: of nginx the changed file is seen.
    expected = {("nginx", "drift") if "mysql" in pair and which == "upstream" else FAULTS[which] for which in pair}
    assert told(host) == expected


def test_a_support_bundle(host: Host) -> None:
    code, output = host.playbook("-e", "bundle=true", playbook=DOCTOR)
    assert code == 0, output[-4000:]
    [written] = re.findall(r"(/\S+-support-\S+\.tar\.gz)", output.rpartition("Say where the bundle is")[2])
    bundle = Path(written)
    try:
        with tarfile.open(bundle) as archive:
            names = {name.partition("/")[2] for name in archive.getnames()}
            text = b"".join(archive.extractfile(entry).read() for entry in archive).decode()  # type: ignore[union-attr]
    finally:
        bundle.unlink()
    assert bundle.is_relative_to(ROOT)
    assert names >= {"doctor.txt", "compose.yaml", "containers.json", "versions.txt", "disk.txt", "audit.log"}
    assert sum(name.startswith("logs/") for name in names) == 9
    assert not [secret for secret in ("jiucom1234", "jiucom-dev-root", "jiucom-development-only") if secret in text]
    assert host.run("ls /var/tmp/*support* 2> /dev/null || true") == ""
