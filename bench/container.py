"""The server as it is deployed: the API's image, its Python and packages and limits, with the source of this checkout."""

import os
import secrets
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from jiucom.settings import Settings
from testing.images import image
from testing.replica import Replica, environment, ready
from testing.servers import docker, free_port
from testing.waiting import eventually

_ROOT = Path(__file__).parents[1]
_APP = "/opt/jiucom/app"
_SERVICES = _ROOT / "roles" / "platform" / "vars" / "main" / "services.yml"

# The source of this checkout in place of the image's.
SOURCES = ("--volume", f"{_ROOT}/api/jiucom:{_APP}/jiucom:ro", "--volume", f"{_ROOT}/bench:{_APP}/bench:ro")


def limit(service: str, name: str) -> str:
    """A limit of a service, `memory` or `cpus`, as the platform's table has it."""
    return str(yaml.safe_load(_SERVICES.read_text())["_platform_services"][service][name])


@asynccontextmanager
async def contained(settings: Settings, *, module: str) -> AsyncIterator[Replica]:
    """A server with these settings in a container of the image that was deployed last; `module` is what Python runs.

    Raises LookupError where nothing was deployed yet and IMAGE_APP names no image.
    """
    name, port = f"jiucom-bench-app-{secrets.token_hex(4)}", free_port()
    values = {**environment(settings), "LISTEN_ADDRESS": "127.0.0.1"}
    process = subprocess.Popen(  # noqa: ASYNC220
        [
            # MySQL, Redis and the collector listen on this machine's loopback.
            *("docker", "run", "--rm", "--name", name, "--network", "host"),
            *("--memory", limit("app", "memory"), "--cpus", limit("app", "cpus")),
            *("--entrypoint", "python", *SOURCES),
            *(argument for key in values for argument in ("--env", key)),
            *(image("app"), "-m", module, str(port)),
        ],
        env={**os.environ, **values},
    )
    try:
        started = Replica(port, process)
        await eventually(lambda: ready(started), 60)
        yield started
    finally:
        docker("rm", "--force", name)
        process.wait()
