"""A power cut, after which a service needs long to recover: the boot unit must bring the platform up by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hosts import Host, wait_for


@contextmanager
def held(host: Host, service: str, command: str, healthcheck: dict[str, str] | None = None) -> Iterator[None]:
    """Let a service wait before its own `command`, as long as the file `hold/seconds` says, once it is there.

    compose.override.yaml, which Compose reads beside compose.yaml, does it; both are gone at the end.
    """
    override: dict[str, Any] = {
        "entrypoint": ["sh", "-c", f"sleep $$(cat /hold/seconds 2> /dev/null || echo 0); exec {command}"],
        "volumes": ["./hold:/hold:ro"],
    }
    if healthcheck:
        override["healthcheck"] = healthcheck
    host.run("mkdir -p hold")
    host.write("compose.override.yaml", json.dumps({"services": {service: override}}))
    try:
        host.run("docker compose up --detach --wait")
        yield
    finally:
        host.run("rm -rf hold compose.override.yaml && docker compose up --detach --wait", seconds=600)


def cut_the_power(host: Host, service: str, seconds: int) -> int:
    """Hold a service back for `seconds` after a power cut; returns how often the boot unit had to try again.

    Nothing but the boot unit starts anything. While the service is held, what needs it is not running.
    """
    host.run(f"echo {seconds} > hold/seconds")
    before = host.started()
    host.boot(power_cut=True, seconds=seconds + 300)
    after = host.started()
    assert all(after[name] != before[name] for name in before), "a container that did not start anew"
    wait_for(lambda: set(host.health().values()) == {"healthy"}, 120, "every service healthy")
    return int(host.unit("NRestarts"))
