#!/usr/bin/python
"""Find the containers that do not run, are not healthy, or are not what the inventory wants (H2)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.containers import health
from ansible_collections.jiucom.platform.plugins.module_utils.diagnosis import Diagnosis, Fault, log
from ansible_collections.jiucom.platform.plugins.module_utils.locks import Lock
from ansible_collections.jiucom.platform.plugins.module_utils.releases import NEXT

DOCUMENTATION = r"""
module: stack_diagnose
short_description: Name the containers that are not as they should be
description: [Changes nothing.]
options: {expected: {type: dict, description: What the role knows and the diagnosis compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- stack_diagnose: {expected: {project: jiucom, path: /opt/jiucom, services: [mysql], images: {}}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The findings as findings_stack.}"

diagnosis = Diagnosis("stack")
DEPENDS = "com.docker.compose.depends_on"


def dependencies(found: dict[str, list[dict[str, Any]]], service: str, healthy: bool) -> set[str]:
    """Name what a service needs, and what that needs; with `healthy` only what has to be healthy for it."""
    reached: set[str] = set()
    ahead = [service]
    while ahead:
        for container in found.get(ahead.pop(), []):
            for entry in filter(None, container["Config"]["Labels"].get(DEPENDS, "").split(",")):
                name, condition, *_ = entry.split(":")
                if name not in reached and (condition == "service_healthy" or not healthy):
                    reached.add(name)
                    ahead.append(name)
    return reached


def last_words(container: dict[str, Any]) -> str:
    """Return the last answer of the health check and the last lines of the log."""
    checks = (container["State"].get("Health") or {}).get("Log") or []
    answer = " ".join(str(checks[-1]["Output"]).split())[-200:] if checks else ""
    lines = " | ".join(line.strip()[:200] for line in log(container["Id"], 4)[-4:])
    error = f"{container['State']['Error']}; " if container["State"].get("Error") else ""
    return f"{error}health check: {answer or 'no answer yet'}; log: {lines or 'empty'}"


@diagnosis.look
def containers(expected: dict[str, Any]) -> Iterator[Fault]:
    """A service has no container, or one that does not run or is not healthy."""
    found = engine.containers(expected["project"])
    if not found and not Path(expected["path"], "compose.yaml").is_file():
        return
    for name in expected["services"]:
        if name not in found:
            seen = f"docker compose ps --all {name}: no container"
            yield Fault("no container", name, seen, f"docker compose up -d {name}", generic=True)
        sick = [one for one in found.get(name, []) if health(one) != "healthy"]
        if not sick:
            continue
        how = health(sick[0])
        code = f" (code {sick[0]['State']['ExitCode']})" if how in ("exited", "restarting", "dead") else ""
        seen = f"{len(sick)} of {len(found[name])} {how}{code}; {last_words(sick[0])}"
        # What was stopped or has ended by itself did not wait for another service.
        needed = dependencies(found, name, healthy=how != "created") if how != "exited" else set()
        type_ = f"docker compose logs --tail 50 {name}; docker compose up -d {name}"
        title = "does not run" if sick[0]["State"]["Status"] != "running" else "not healthy"
        yield Fault(title, name, seen, type_, tuple(sorted(needed)), generic=True)


def kernel_kills() -> str:
    """Return the kernel's lines about processes that were killed for a memory limit."""
    try:
        run = subprocess.run(["dmesg"], capture_output=True, text=True, errors="replace", timeout=30, check=False)
    except OSError:
        return ""
    return "\n".join(line for line in run.stdout.splitlines() if "oom-kill" in line)


def counted_kills(container: dict[str, Any]) -> str:
    """Read how often the kernel has killed a process of a running container for its memory limit."""
    pid = container["State"]["Pid"]
    if not pid:
        return ""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        places = {
            "0": Path(f"/sys/fs/cgroup{path}/memory.events"),
            "memory": Path(f"/sys/fs/cgroup/memory{path}/memory.oom_control"),
        }
        file = places.get("0" if number == "0" else controllers)
        counted = re.search(r"^oom_kill (\d+)$", file.read_text(), re.MULTILINE) if file and file.is_file() else None
        if counted and int(counted[1]):
            return f"{file}: oom_kill {counted[1]}"
    return ""


@diagnosis.look
def memory(expected: dict[str, Any]) -> Iterator[Fault]:
    """The kernel has killed a container, or a process in it, for its memory limit."""
    kernel = kernel_kills()
    for name, group in engine.containers(expected["project"]).items():
        for container in group:
            line = next((line for line in kernel.splitlines() if container["Id"] in line), "")
            ended = "docker inspect: OOMKilled is true" if container["State"].get("OOMKilled") else ""
            seen = ended or counted_kills(container) or line
            if seen:
                limit = container["HostConfig"]["Memory"] // 2**20
                type_ = f"raise platform_services_overrides.{name}.memory, then ansible-playbook site.yml --tags stack"
                yield Fault("killed for memory", name, f"{seen}; its limit is {limit} MB", type_)
                break


@diagnosis.look
def images(expected: dict[str, Any]) -> Iterator[Fault]:
    """A container runs another image than the inventory names, or another build of it."""
    for name, group in engine.containers(expected["project"]).items():
        wanted = expected.get("images", {}).get(name)
        if not wanted:
            continue
        there = engine.image(wanted)
        for container in group:
            runs = container["Config"]["Image"]
            newer = there is not None and runs == wanted and container["Image"] != there["Id"]
            if runs != wanted or newer:
                seen = (
                    f"{wanted} was built or pulled again"
                    if newer
                    else f"it runs {runs}, and the inventory names {wanted}"
                )
                yield Fault("another image", name, seen, f"ansible-playbook site.yml; or name {runs} in the inventory")
                break


@diagnosis.look
def deploy(expected: dict[str, Any]) -> Iterator[Fault]:
    """A deploy has died in the middle: two generations of replicas, or what it leaves for the next."""
    base, own = Path(expected["path"]), engine.containers(expected["project"]).get("app", [])
    lock = Lock(base).read() if base.is_dir() else {}
    # A run's own control node alone can tell that it has ended: `stale` is what it says.
    if lock and not Lock(base).ended(lock, gone=bool(expected.get("stale"))):
        return
    generations = {one["Config"]["Labels"][engine.CONFIG_HASH] for one in own}
    left = [f"{len(own)} containers of app of {len(generations)} definitions"] if len(generations) > 1 else []
    left += [f"{base / NEXT} is there"] if (base / NEXT).is_file() else []
    upstreams = base / "nginx/conf/app.conf"
    if upstreams.is_file() and "; # replica" in upstreams.read_text():
        left.append(f"{upstreams} names replicas by their addresses")
    if left:
        yield Fault(
            "half-finished deploy",
            "app",
            "; ".join(left),
            "ansible-playbook playbooks/deploy.yml, which removes what is left",
        )


if __name__ == "__main__":
    diagnosis.run()
