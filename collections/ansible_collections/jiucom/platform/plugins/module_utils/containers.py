"""Health of a container, and the output of its health check and its log."""

from __future__ import annotations

from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import run


def health(inspected: dict[str, Any]) -> str:
    """Return the health by Docker: healthy, starting, unhealthy; the state of a container that does not run."""
    state = inspected["State"]
    return str(
        (state.get("Health") or {}).get("Status", "healthy") if state["Status"] == "running" else state["Status"]
    )


def evidence(inspected: dict[str, Any]) -> str:
    """Show what the health check saw and what the container said last."""
    log = (inspected["State"].get("Health") or {}).get("Log") or []
    checks = [
        f"health check: exit {one['ExitCode']}: {one['Output'].strip().rpartition(chr(10))[2][:300]}"
        for one in log[-3:]
    ]
    logged = run("docker", "logs", "--tail", "20", inspected["Id"])
    lines = [line[:300] for line in (logged.stdout + logged.stderr).splitlines()]
    name = inspected["Name"].lstrip("/")
    return "\n".join([f"{name} ({inspected['Config']['Image']}) is {health(inspected)}", *checks, *lines])
