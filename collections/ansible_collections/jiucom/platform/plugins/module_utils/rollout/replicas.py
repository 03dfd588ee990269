"""The replicas of the API: which there are, whether they serve, what they still do, and their end."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import containers, engine
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import Worker

SERVICE = "app"
_RUNNING = re.compile(r"^jiucom_http_requests_running(?:\{[^}]*\})? (\S+)$", re.MULTILINE)
# One that reads the database through everything that a request passes.
REQUEST = "/api/v1/parts/categories"


class ReplicaError(RuntimeError):
    """A replica does not serve; the text shows what it said."""


class Replica:
    """One container of the API."""

    def __init__(self, inspected: dict[str, Any], network: str, port: int) -> None:
        self.inspected, self.network, self.port = inspected, network, port
        self.id: str = inspected["Id"]
        self.name: str = inspected["Name"].lstrip("/")

    @property
    def image(self) -> str:
        """The reference that it was made from."""
        return str(self.inspected["Config"]["Image"])

    @property
    def number(self) -> int:
        """Its number among the replicas."""
        return int(self.inspected["Config"]["Labels"]["com.docker.compose.container-number"])

    @property
    def address(self) -> str:
        """Where it is on the platform's network; empty where it was disconnected by hand."""
        return str(self.inspected["NetworkSettings"]["Networks"].get(self.network, {}).get("IPAddress", ""))

    @property
    def health(self) -> str:
        """The health by Docker."""
        return containers.health(self.inspected)

    def refresh(self) -> None:
        """Look again."""
        self.inspected = engine.get(f"/containers/{self.id}/json")

    def ask(self, path: str, seconds: float = 10) -> str:
        """Send a request and return the answer. Raises OSError, urllib.error.HTTPError among them."""
        url = f"http://{self.address}:{self.port}{path}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(url, timeout=seconds) as answer:
            return str(answer.read().decode())

    def evidence(self) -> str:
        """Show what the health check saw and what the replica said last."""
        return containers.evidence(self.inspected)

    def await_health(self, seconds: float) -> None:
        """Return once it is healthy and has answered a request. Raises ReplicaError with what it said."""
        end = time.monotonic() + seconds
        while self.health != "healthy":
            if self.health not in ("starting", "created") or time.monotonic() > end:
                raise ReplicaError(self.evidence())
            time.sleep(0.3)
            self.refresh()
        try:
            answer = json.loads(self.ask(REQUEST))
        except (OSError, ValueError) as fault:
            raise ReplicaError(f"GET {REQUEST} failed: {fault}\n{self.evidence()}") from fault
        if answer.get("success") is not True:
            raise ReplicaError(f"GET {REQUEST} answered {answer}\n{self.evidence()}")

    def running(self) -> int:
        """Count the requests that it is answering, without streams; 0 where it has ended or does not say."""
        try:
            found = _RUNNING.search(self.ask("/api/v1/actuator/prometheus", seconds=5))
        except OSError:
            return 0
        return int(float(found[1])) if found else 0

    def remove(self, grace: int) -> None:
        """Stop it, so that streams are told to come back, and remove it."""
        for method, path in (("POST", f"stop?t={grace}"), ("DELETE", "?force=true&v=true")):
            try:
                engine.request(method, f"/containers/{self.id}/{path}".replace("/?", "?"), seconds=grace + 60)
            except engine.EngineError as fault:
                if fault.status not in (304, 404):
                    raise


def replicas(project: str, network: str, port: int) -> list[Replica]:
    """List the replicas, by number."""
    found = engine.containers(project).get(SERVICE, [])
    return sorted((Replica(one, network, port) for one in found), key=lambda one: one.number)


def drain(retired: list[Replica], workers: list[Worker], seconds: float) -> str:
    """Wait until nothing is left to be answered by these replicas and workers of nginx, and say what is left."""
    end = time.monotonic() + seconds
    while True:
        running = sum(one.running() for one in retired)
        holding = [worker for worker in workers if not worker.lets_go()]
        if not running and not holding:
            return "nothing is left to be answered"
        if time.monotonic() > end:
            return f"after {seconds:.0f} s there are still {running} requests, and {len(holding)} workers of nginx that hold some"
        time.sleep(0.1)
