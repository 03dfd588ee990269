"""Replicas: real server processes on a port of their own."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import msgspec

from jiucom.settings import Settings
from testing.servers import free_port
from testing.waiting import eventually

_API = Path(__file__).parents[1]


@dataclass(frozen=True)
class Replica:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        """Base of its paths."""
        return f"http://127.0.0.1:{self.port}/api/v1"

    async def gauge(self, name: str) -> float:
        """One metric without labels of its own."""
        async with httpx.AsyncClient() as client:
            text = (await client.get(f"{self.url}/actuator/prometheus")).text
        return float(next(line.split()[-1] for line in text.splitlines() if line.startswith(f"{name}{{")))

    def stop(self) -> int:
        """SIGTERM; the exit code. Raises TimeoutExpired after 15 s."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(15)


@asynccontextmanager
async def replica(
    settings: Settings, *, heartbeat: int | None = None, look: float | None = None, module: str = "testing.serve"
) -> AsyncIterator[Replica]:
    """A server with these settings. `heartbeat` (ms) of STOMP and `look` (s) for notifications replace the usual ones;
    `module` is what Python runs."""
    port = free_port()
    given = {"--heartbeat": heartbeat, "--look": look}
    options = [part for name, value in given.items() if value is not None for part in (name, str(value))]
    arguments = [str(port), *options]
    process = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", module, *arguments],
        env={
            **os.environ,
            **environment(settings),
            "PYTHONPATH": f"{_API}:{_API.parent}",
            "LISTEN_ADDRESS": "127.0.0.1",
        },
        cwd=_API,
    )
    try:
        started = Replica(port, process)
        await eventually(lambda: ready(started), 20)
        yield started
    finally:
        process.kill()
        process.wait()


def environment(settings: Settings) -> dict[str, str]:
    """The settings as a server is told them."""
    values = msgspec.structs.asdict(settings)
    return {name.upper(): str(value) for name, value in values.items() if value not in ("", None)}


async def ready(started: Replica) -> bool:
    """Whether a server answers that it is. Raises RuntimeError when it has ended."""
    if started.process.poll() is not None:
        raise RuntimeError("the server has ended")
    with contextlib.suppress(httpx.HTTPError):
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{started.url}/actuator/health/readiness")).status_code == 200
    return False
