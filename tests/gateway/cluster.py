"""Replicas of the API as it stands in this checkout, with MySQL and Redis, behind the gateway."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from docker.models.containers import Container
from msgspec.structs import replace

from jiucom.settings import Settings
from testing import servers
from testing.database import drop_database, make_database
from testing.images import image
from testing.replica import environment
from tests.role import ROOT

from .network import Gateway, Network, network

CODE = {str(ROOT / "api/jiucom"): {"bind": "/opt/jiucom/app/jiucom", "mode": "ro"}}


class Cluster:
    """A gateway, and the replicas behind it."""

    def __init__(self, net: Network, gateway: Gateway, replicas: list[Container]) -> None:
        self.gateway = gateway
        self.replicas = replicas
        self._net = net

    def sessions(self, replica: Container) -> int:
        """How many connections for notifications a replica has."""
        text = httpx.get(f"http://{self._net.address(replica)}:8080/api/v1/actuator/prometheus").text
        (line,) = [line for line in text.splitlines() if line.startswith("jiucom_websockets_open{")]
        return int(float(line.split()[-1]))

    def await_ready(self, replica: Container) -> None:
        """Return once a replica serves."""
        end = time.monotonic() + 60
        while True:
            try:
                url = f"http://{self._net.address(replica)}:8080/api/v1/actuator/health/readiness"
                if httpx.get(url).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            assert time.monotonic() < end, replica.logs().decode()[-2000:]
            time.sleep(0.2)


@contextmanager
def cluster(home: Path, count: int, variables: dict[str, Any]) -> Iterator[Cluster]:
    """So many replicas, with a database of their own."""
    with ExitStack() as stack:
        mysql_port, password = stack.enter_context(servers.mysql())
        redis, redis_port = stack.enter_context(servers.redis())
        name = f"t_{secrets.token_hex(6)}"
        here = Settings(
            jwt_secret=secrets.token_hex(32),
            db_host="127.0.0.1",
            db_port=mysql_port,
            db_name=name,
            db_username=name,
            db_password=secrets.token_hex(8),
            db_migrate_username=f"{name}_m",
            db_migrate_password=secrets.token_hex(8),
            redis_host="127.0.0.1",
            redis_port=redis_port,
            tracing_sampling=0.0,
            rate_limit_write=100_000,
        )
        asyncio.run(make_database((mysql_port, password), here))
        stack.callback(lambda: asyncio.run(drop_database((mysql_port, password), here)))
        net = stack.enter_context(network(home.name))
        mysql = servers.docker("ps", "--filter", f"publish={mysql_port}", "--format", "{{.Names}}")
        net.invite(mysql, "mysql")
        net.invite(redis, "redis")
        there = replace(
            here, db_host="mysql", db_port=3306, redis_host="redis", redis_port=6379, forwarded_allow_ips=net.subnet
        )
        options = {"command": ["serve"], "environment": environment(there), "volumes": CODE}
        replicas = [net.start(image("app"), ["app"], **options) for _ in range(count)]
        running = Cluster(net, net.gateway(home, variables), replicas)
        for each in replicas:
            running.await_ready(each)
        yield running
