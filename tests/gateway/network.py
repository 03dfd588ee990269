"""Containers on a network of their own, with an nginx that has what the role gateway writes for it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import docker
import httpx
from docker.models.containers import Container
from docker.types import IPAMConfig, IPAMPool

from testing.images import image
from testing.paths import let_pass
from tests.role import run_role


class Gateway:
    """The running nginx: its address, its access log, and where its files are."""

    def __init__(self, container: Container, address: str, home: Path) -> None:
        self.container = container
        self.address = address
        self.home = home
        self.url = f"http://{address}"

    def await_start(self) -> None:
        """Return once it answers."""
        end = time.monotonic() + 30
        while True:
            try:
                httpx.get(f"{self.url}/health")
                return
            except httpx.TransportError:
                assert time.monotonic() < end, self.container.logs().decode()[-2000:]
                time.sleep(0.1)

    def lines(self, upto: str) -> list[bytes]:
        """Return the log's lines as they are, once there is one with the words `upto`: nginx writes after it answers."""
        end = time.monotonic() + 10
        while upto not in (log := self.container.logs(stdout=True, stderr=False).decode()):
            assert time.monotonic() < end, f"no line with {upto} in {log[-2000:]}"
            time.sleep(0.1)
        return [line.encode() for line in log.splitlines()]

    def line(self, uri: str) -> dict[str, Any]:
        """Return what is logged of a request, by its unique path and query."""
        (found,) = [line for line in map(json.loads, self.lines(f'"uri":"{uri}"')) if line["uri"] == uri]
        return dict(found)


def write_configuration(home: Path, variables: dict[str, Any]) -> None:
    """Write nginx's configuration as the role does, which lets nginx check it, into a directory that is empty."""
    let_pass(home)  # nginx's user
    known = {"images_resolved": {"nginx": {"reference": image("nginx"), "pull_policy": ""}}}
    done = run_role("gateway", home, known | variables)
    assert done.returncode == 0, done.stdout


class Network:
    """A network and the containers that were started on it, each known there by its aliases."""

    def __init__(self, name: str, subnet_ipv6: str = "") -> None:
        self._client = docker.from_env()
        pools = [IPAMPool(subnet=subnet_ipv6)] if subnet_ipv6 else []
        self._network = self._client.networks.create(
            f"gateway-test-{name}-{secrets.token_hex(4)}",
            enable_ipv6=bool(subnet_ipv6),
            ipam=IPAMConfig(pool_configs=pools),
        )
        self._containers: list[Container] = []
        self._guests: list[str] = []

    @property
    def subnet(self) -> str:
        """All of its addresses."""
        self._network.reload()
        return str(self._network.attrs["IPAM"]["Config"][0]["Subnet"])

    @property
    def bridges(self) -> dict[str, str]:
        """This machine's addresses in it, by family, as URLs have them."""
        self._network.reload()
        subnets = [ip_network(config["Subnet"]) for config in self._network.attrs["IPAM"]["Config"]]
        return by_family(str(next(subnet.hosts())) for subnet in subnets)

    def start(self, reference: str, aliases: list[str], **options: Any) -> Container:
        """Start a container of an image."""
        ends = {str(self._network.name): self._client.api.create_endpoint_config(aliases=aliases)}
        container = self._client.containers.create(
            reference, network=self._network.name, networking_config=ends, **options
        )
        self._containers.append(container)
        container.start()
        return container

    def invite(self, name: str, alias: str) -> None:
        """Let a container of others in."""
        self._network.connect(name, aliases=[alias])
        self._guests.append(name)

    def address(self, container: Container) -> str:
        """Where a running container is."""
        container.reload()
        return str(container.attrs["NetworkSettings"]["Networks"][self._network.name]["IPAddress"])

    def addresses(self, container: Container) -> dict[str, str]:
        """Where a running container is, by family, as URLs have them."""
        container.reload()
        found = container.attrs["NetworkSettings"]["Networks"][self._network.name]
        return by_family([found["IPAddress"], found["GlobalIPv6Address"]])

    def gateway(self, home: Path, variables: dict[str, Any], **options: Any) -> Gateway:
        """Start nginx with the role's configuration, written into a directory that is empty; `options` are the container's."""
        write_configuration(home, variables)
        mounts = {
            str(home / "jiucom/nginx/conf"): {"bind": "/etc/nginx/jiucom", "mode": "ro"},
            str(home / "jiucom/nginx/secrets"): {"bind": "/run/secrets", "mode": "ro"},
        }
        if (home / "jiucom/tls").is_dir():
            mounts[str(home / "jiucom/tls/served")] = {"bind": "/etc/nginx/tls", "mode": "ro"}
            mounts[str(home / "jiucom/tls/challenges")] = {"bind": "/var/lib/challenges", "mode": "ro"}
        entrypoint = ["nginx", "-c", "/etc/nginx/jiucom/nginx.conf", "-g", "daemon off;"]
        container = self.start(
            image("nginx"), ["nginx"], entrypoint=entrypoint, user="101:101", volumes=mounts, **options
        )
        running = Gateway(container, self.address(container), home / "jiucom")
        running.await_start()
        return running

    def close(self) -> None:
        """Remove everything."""
        for container in self._containers:
            container.remove(force=True, v=True)
        for name in self._guests:
            self._network.disconnect(name, force=True)
        self._network.remove()
        self._client.close()


def family_of(address: str) -> str:
    """Name an address's family."""
    return "IPv6" if ":" in address else "IPv4"


def by_family(addresses: Iterable[str]) -> dict[str, str]:
    """Return addresses as URLs have them, by family."""
    return {family_of(one): f"[{one}]" if ":" in one else one for one in addresses if one}


@contextmanager
def network(name: str, subnet_ipv6: str = "") -> Iterator[Network]:
    """A network, until the end of the block."""
    opened = Network(name, subnet_ipv6)
    try:
        yield opened
    finally:
        opened.close()
