"""Each container meets its memory limit: a process is killed, the service comes back with its data, the doctor names it."""

from __future__ import annotations

import re
from typing import Any

import lasting
import pytest
from doctor import told
from hosts import SERVICES, Host, wait_for


@pytest.fixture(scope="module")
def before(host: Host) -> tuple[dict[str, Any], dict[str, Any]]:
    """What was written, and how it reads before anything happens."""
    host.wait_until_healthy()
    state = lasting.written(host)
    return state, lasting.read(host, state)


def kills(host: Host, service: str) -> int:
    """Count what the kernel has killed in a running container for its memory limit."""
    pid = host.inspect()[service][0]["State"]["Pid"]
    groups = host.run(f"cat /proc/{pid}/cgroup")
    one = re.search(r"^\d+:memory:(.*)$", groups, re.MULTILINE)
    two = re.search(r"^0::(.*)$", groups, re.MULTILINE)
    file = f"memory{one[1]}/memory.oom_control" if one else f"{two[1] if two else ''}/memory.events"
    found = re.search(r"^oom_kill (\d+)$", host.run(f"cat /sys/fs/cgroup/{file}"), re.MULTILINE)
    assert found, f"{service}: the kernel does not count"
    return int(found[1])


def fill(host: Host, service: str) -> None:
    """Run a process in a container that takes memory until the kernel ends it; `tail` keeps the line that never ends."""
    host.run(f"docker compose exec -T {service} tail /dev/zero", check=False, seconds=280)


@pytest.mark.parametrize("service", SERVICES)
def test_a_process_is_killed_and_the_service_goes_on(
    host: Host, before: tuple[dict[str, Any], dict[str, Any]], service: str
) -> None:
    started = host.started()
    fill(host, service)
    host.wait_until_healthy()
    again = {name for name, since in host.started().items() if since != started[name]}
    assert again <= {service}
    # The main process was the larger one where the container was started again.
    assert again or kills(host, service) > 0
    print(f"{service}: {'started again' if again else 'the new process was killed, the service went on'}")
    state, seen = before
    assert lasting.read(host, state) == seen


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_main_process_is_started_again(
    host: Host, before: tuple[dict[str, Any], dict[str, Any]], service: str
) -> None:
    """The kernel is told to prefer the main process."""
    container = host.inspect()[service][0]
    since, pid = container["State"]["StartedAt"], container["State"]["Pid"]
    host.run(f"for one in {pid} $(pgrep -P {pid}); do echo 1000 > /proc/$one/oom_score_adj; done")
    fill(host, service)
    wait_for(lambda: host.started()[service] != since or kills(host, service) > 0, 60, f"{service}: a killed process")
    host.wait_until_healthy()
    print(f"{service}: {'started again' if host.started()[service] != since else 'a worker was killed'}")
    state, seen = before
    assert lasting.read(host, state) == seen


def test_the_doctor_names_each(host: Host) -> None:
    """All at once, by the kernel's counters: a container that was started again has new ones."""
    for service in SERVICES:
        if kills(host, service) == 0:
            fill(host, service)
    host.wait_until_healthy()
    counted = {service for service in SERVICES if kills(host, service) > 0}
    found = told(host)
    assert {service for service, name in found if name == "killed for memory"} >= counted
    assert {name for _, name in found} == {"killed for memory"}
    assert len(counted) >= len(SERVICES) - 2, counted
    host.run("docker compose up --detach --wait --force-recreate")
    assert told(host) == set()
