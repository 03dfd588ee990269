"""The server as it is deployed, in a network of its own with MySQL, Redis and the gateway: what a request goes through."""

import os
import secrets
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench.container import SOURCES, limit
from jiucom.settings import Settings
from testing.images import image
from testing.replica import Replica, environment, ready
from testing.servers import docker
from testing.waiting import eventually
from tests.role import run_role

# One core for the server, the other for everything else, so that neither measures the other.
SERVER_CORE, OTHER_CORE = "0", "1"


@dataclass(frozen=True)
class Inside(Replica):
    """A server with an address in the network."""

    address: str

    @property
    def url(self) -> str:
        """Base of its paths."""
        return f"http://{self.address}:{self.port}/api/v1"


def address(container: str) -> str:
    """The address of a container in the network that it is in."""
    return docker(
        "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}", container
    ).split()[-1]


def published(port: int) -> str:
    """The container that publishes a port."""
    return docker("ps", "--filter", f"publish={port}", "--format", "{{.Names}}").splitlines()[0]


@contextmanager
def network(*servers: tuple[str, str]) -> Iterator[str]:
    """A network with these containers in it, by name and alias; they keep to their core."""
    name = f"jiucom-bench-{secrets.token_hex(4)}"
    docker("network", "create", name)
    try:
        for container, alias in servers:
            docker("network", "connect", "--alias", alias, name, container)
            docker("update", "--cpuset-cpus", OTHER_CORE, container)
        yield name
    finally:
        for container, _ in servers:
            docker("network", "disconnect", "--force", name, container)
        docker("network", "rm", name)


@asynccontextmanager
async def served(settings: Settings, net: str, *, module: str) -> AsyncIterator[Inside]:
    """A server in a container of the network, under the name that the gateway knows."""
    name, port = f"{net}-app", 8080
    inside = msgspec.structs.replace(settings, db_host="mysql", db_port=3306, redis_host="redis", redis_port=6379)
    values = environment(inside)
    process = subprocess.Popen(  # noqa: ASYNC220
        [
            *("docker", "run", "--rm", "--name", name, "--network", net, "--network-alias", "app"),
            *("--cpuset-cpus", SERVER_CORE, "--memory", limit("app", "memory"), "--entrypoint", "python", *SOURCES),
            *(argument for key in values for argument in ("--env", key)),
            *(image("app"), "-m", module, str(port)),
        ],
        env={**os.environ, **values},
    )

    def is_running() -> bool:
        return bool(docker("ps", "--quiet", "--filter", f"name=^{name}$"))

    try:
        await eventually(is_running, 30)
        started = Inside(port, process, address(name))
        await eventually(lambda: ready(started), 60)
        yield started
    finally:
        docker("rm", "--force", name)
        process.wait()


@contextmanager
def slowed(net: str) -> Iterator[None]:
    """The server has a quarter of its core inside the block, so that the other core can send twice as much as it can serve."""
    docker("update", "--cpu-period", "5000", "--cpu-quota", "1250", f"{net}-app")
    try:
        yield
    finally:
        docker("update", "--cpu-quota", "-1", f"{net}-app")


@contextmanager
def gateway(net: str) -> Iterator[str]:
    """The address of a gateway before `app`, with what the role writes, but for the limits: every request is one client's."""
    with tempfile.TemporaryDirectory(prefix="jiucom-bench-") as home:
        Path(home).chmod(0o755)
        nginx = image("nginx")
        variables = {
            "images_resolved": {"nginx": {"reference": nginx, "pull_policy": ""}},
            "gateway_rate_limit": 100_000,
            "gateway_rate_burst": 100_000,
            "gateway_login_rate": 100_000,
            "gateway_login_burst": 100_000,
            "gateway_connections": 60_000,
            "tracing_trusted_networks": [],
        }
        done = run_role("gateway", Path(home), variables)
        if done.returncode:
            raise RuntimeError(done.stdout)
        name = f"{net}-nginx"
        docker(
            *("run", "--detach", "--rm", "--name", name, "--network", net, "--user", "101:101"),
            *("--cpuset-cpus", OTHER_CORE, "--memory", limit("nginx", "memory"), "--cpus", limit("nginx", "cpus")),
            *("--entrypoint", "nginx"),
            *("--volume", f"{home}/jiucom/nginx/conf:/etc/nginx/jiucom:ro"),
            *("--volume", f"{home}/jiucom/nginx/secrets:/run/secrets:ro"),
            *(nginx, "-c", "/etc/nginx/jiucom/nginx.conf", "-g", "daemon off;"),
        )
        try:
            yield address(name)
        finally:
            docker("rm", "--force", name)
