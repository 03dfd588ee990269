"""What is wrong with containers is named by the diagnosis, alone and in pairs, with what shows it and what to type (H2)."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.findings import drift

from testing.images import image

from .conftest import Project, Start
from .diagnose import diagnose, told

SLEEP = ("-c", "import time; time.sleep(600)")
PYTHON = ("--entrypoint", "python3")
ILL = ("--health-cmd", "echo no answer from below; exit 1", "--health-interval", "1s", "--health-retries", "1")
DEPENDS, HASH = "com.docker.compose.depends_on", "com.docker.compose.config-hash"


def until(name: str, says: str, **expected: Any) -> list[dict[str, Any]]:
    """Look at the containers until the diagnosis says something; returns what it found."""
    end = time.monotonic() + 60
    while says not in str(found := diagnose("stack", project=name, **expected)):
        assert time.monotonic() < end, found
        time.sleep(0.5)
    return found


def test_containers_that_do_not_run(start: Start, name: str, tmp_path: Path) -> None:
    python = image("python")
    ended = ("-c", "print('out of paper'); raise SystemExit(3)")
    start("ended", python, *ended, options=PYTHON)
    start("ill", python, *SLEEP, options=(*PYTHON, *ILL))
    start("well", python, *SLEEP, options=PYTHON)
    # Both are ill because of what they need, and so not told of.
    start("reader", python, *SLEEP, options=(*PYTHON, *ILL), labels={DEPENDS: "ill:service_healthy:false"})
    start("page", python, *SLEEP, options=(*PYTHON, *ILL), labels={DEPENDS: "reader:service_healthy:false"})
    (tmp_path / "compose.yaml").touch()
    services = ["ended", "ill", "well", "reader", "page", "gone"]
    found = until(name, "no answer from below", path=str(tmp_path), services=services)
    assert told(found) == {("ended", "does not run"), ("ill", "not healthy"), ("gone", "no container")}
    seen = {fault["service"]: fault["seen"] for fault in found}
    assert "1 of 1 exited (code 3)" in seen["ended"]
    assert "out of paper" in seen["ended"]
    assert set(seen) == {*services} - {"well"}


def test_a_process_that_was_killed_for_memory(start: Start, name: str, tmp_path: Path) -> None:
    """The container lives on, and its cgroup has counted."""
    eat = "import subprocess; subprocess.run(['python3', '-c', 'x = bytearray(10**9)'])"
    options = (*PYTHON, "--memory", "48m", "--memory-swap", "48m")
    start("eater", image("python"), "-c", f"{eat}; import time; time.sleep(600)", options=options)
    start("well", image("python"), *SLEEP, options=options)
    found = until(name, "killed for memory", path=str(tmp_path), services=["eater", "well"])
    assert told(found) == {("eater", "killed for memory")}
    assert "limit is 48 MB" in found[0]["seen"]
    assert "platform_services_overrides.eater.memory" in found[0]["type"]


def expected(project: Project) -> dict[str, Any]:
    """What the role gives the diagnosis for the toy project."""
    reference = project.definitions["store"]["compose"]["image"]
    names = list(project.definitions)
    return {
        "project": project.name, "path": str(project.base), "services": names,
        "images": dict.fromkeys(names, reference),
    }  # fmt: skip


def test_differences_from_the_inventory(project: Project) -> None:
    """Each alone, then pairs; put right, nothing is told."""
    given = expected(project)
    project.compose("up", "--detach", "--no-recreate", "--wait")
    assert diagnose("stack", **given) == []

    other = given["images"] | {"store": "localhost/jiucom/store:2"}
    found = diagnose("stack", **given | {"images": other})
    assert told(found) == {("store", "another image")}
    assert "localhost/jiucom/store:2" in found[0]["seen"]

    door = project.compose("ps", "--quiet", "door").strip()
    subprocess.run(
        ["docker", "update", "--memory", "72m", "--memory-swap", "72m", door], check=True, capture_output=True
    )
    changed = drift([], project.compare(check=True), str(project.base))
    assert told(changed) == {("door", "drift")}
    assert "Memory is 75497472 instead of 67108864" in changed[0]["seen"]
    pair = [*diagnose("stack", **given | {"images": other}), *changed]
    assert told(pair) == {("store", "another image"), ("door", "drift")}
    project.compose("stop", "store")
    pair = [*diagnose("stack", **given), *drift([], project.compare(check=True), str(project.base))]
    assert told(pair) == {("store", "does not run"), ("door", "drift")}

    project.compose("up", "--detach", "--force-recreate", "--wait")
    assert diagnose("stack", **given) == []


def test_a_deploy_that_died(project: Project) -> None:
    """Two generations of replicas, and the definition that waits: as a killed control node leaves them, once it holds no lock."""
    given = expected(project)
    # The toy's project has no service of the API's name: its containers are looked at under it.
    subprocess.run(["sed", "-i", "s/^  door:/  app:/", "compose.yaml"], cwd=project.base, check=True)
    given |= {"services": ["store", "app"], "images": {}}
    project.compose("up", "--detach", "--remove-orphans", "--wait")
    assert diagnose("stack", **given) == []
    next_ = project.base / ".compose.next.yaml"
    next_.write_text((project.base / "compose.yaml").read_text().replace('"1s"', '"2s"'))
    project.compose("--file", str(next_), "up", "--detach", "--no-recreate", "--wait", "--scale", "app=2", "app")
    found = diagnose("stack", **given)
    assert told(found) == {("app", "half-finished deploy")}
    assert "2 containers of app of 2 definitions" in found[0]["seen"]
    assert ".compose.next.yaml is there" in found[0]["seen"]

    # While a run of this machine holds the lock, that is how it should be.
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    ticks = int(Path(f"/proc/{os.getpid()}/stat").read_text().rpartition(")")[2].split()[19])
    lock = {"verb": "deploy", "user": "me", "node": "here", "boot": boot, "process": os.getpid(), "started": ticks}
    lock |= {"since": time.time(), "until": time.time() + 600, "token": "x", "depth": 1}
    (project.base / ".lock").write_text(json.dumps(lock))
    assert diagnose("stack", **given) == []

    # Only the control node that started a run can tell that it has ended.
    (project.base / ".lock").write_text(json.dumps(lock | {"boot": "another"}))
    assert diagnose("stack", **given) == []
    stale = "The lock of deploy was stale: its process has ended"
    assert told(diagnose("stack", **given, stale=stale)) == {("app", "half-finished deploy")}


@pytest.mark.parametrize("variable", ["DB_HOST", "REDIS_HOST"])
def test_a_wrong_host_of_a_store(start: Start, name: str, variable: str) -> None:
    start("app", image("python"), *SLEEP, options=(*PYTHON, "--env", f"{variable}=somewhere"))
    [fault] = diagnose("api", project=name)
    assert told([fault]) == {("app", f"wrong {variable}")}
    assert f"{variable} is somewhere" in fault["seen"]
