"""Other machines of the test network, and what of a host they reach; what its containers reach of one another."""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from hosts import Host

# The API's own limits leave this path alone, so a refusal is the gateway's.
LIMITED = "/api/v1/v3/api-docs"

# Connects to every TCP port of an address, 2000 at a time, and prints those that are open. One that has not answered when all are
# silent for a second is closed by a firewall.
SCAN = """
import select, socket, sys
def scan(host, ports):
    poll, tried = select.poll(), {}
    for port in ports:
        one = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        one.setblocking(False)
        one.connect_ex((host, port))
        poll.register(one, select.POLLOUT)
        tried[one.fileno()] = port, one
    while tried and (events := poll.poll(1000)):
        for number, _ in events:
            port, one = tried.pop(number)
            poll.unregister(number)
            if one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                yield port
            one.close()
for first in range(1, 65536, 2000):
    print(*scan(sys.argv[1], range(first, min(first + 2000, 65536))))
"""

# Prints which of HOST:PORT take a connection within two seconds.
TRY = """
import concurrent.futures, socket, sys
def taken(target):
    host, port = target.split(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
    except OSError:
        return False
    return True
with concurrent.futures.ThreadPoolExecutor(40) as pool:
    print(*(target for target, yes in zip(sys.argv[1:], pool.map(taken, sys.argv[1:])) if yes))
"""


def reached(host: Host, container: dict[str, Any], targets: Iterable[str]) -> set[str]:
    """Try targets, such as `10.0.0.1:80`, from within a container of the host, by its network; returns those that it reaches."""
    enter = f"nsenter --net --target {container['State']['Pid']} python3 -c '{TRY}'"
    return set(host.run(f"{enter} {' '.join(targets)}").split())


def listening(host: Host) -> dict[str, str]:
    """Find each port that a service's first container listens at, in each of its networks: `service:port` by `address:port`."""
    found: dict[str, str] = {}
    for name, group in host.inspect().items():
        addresses = [one["IPAddress"] for one in group[0]["NetworkSettings"]["Networks"].values()]
        for line in host.run(f"nsenter --net --target {group[0]['State']['Pid']} ss -Hltn").splitlines():
            place, _, port = line.split()[3].rpartition(":")
            if not place.startswith(("127.", "[::1]")):
                found |= {f"{address}:{port}": f"{name}:{port}" for address in addresses}
    return found


def opened(host: Host) -> dict[str, set[str]]:
    """Let each service's first container try every port of the others; returns what it reaches, by its name."""
    targets = listening(host)
    found = {}
    for name, group in host.inspect().items():
        others = [address for address, port in targets.items() if not port.startswith(f"{name}:")]
        found[name] = {targets[address] for address in reached(host, group[0], others)}
    return {name: ports for name, ports in found.items() if ports}


def dropped(host: Host) -> int:
    """Count the packets that the rules have dropped."""
    rules = json.loads(host.run("nft --json list chain bridge jiucom_isolation between"))["nftables"]
    return int(rules[-1]["rule"]["expr"][0]["counter"]["packets"])


def neighbour(host: Host, script: str, *arguments: str, network: str = "") -> str:
    """Run a Python script on another machine of the test network, with an address of its own: a host of the same image."""
    find = ["docker", "inspect", "--format", "{{.Config.Image}} {{.HostConfig.NetworkMode}}", host.name]
    image, own = subprocess.run(find, capture_output=True, text=True, check=True).stdout.split()
    command = [
        "docker",
        "run",
        "--rm",
        "--ulimit",
        "nofile=10000",
        "--network",
        network or own,
        image,
        "python3",
        "-c",
        script,
        *arguments,
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@contextmanager
def ipv6_network(host: Host) -> Iterator[tuple[str, str]]:
    """Have the host in a network with IPv6, too; yields the network's name, and the host's address there."""
    name = f"{host.name}-ipv6"
    subnet = f"fd00:{secrets.token_hex(2)}:{secrets.token_hex(2)}::/64"
    docker = ["docker", "network"]
    subprocess.run([*docker, "create", "--ipv6", "--subnet", subnet, name], check=True, capture_output=True)
    try:
        subprocess.run([*docker, "connect", name, host.name], check=True, capture_output=True)
        wanted = f'{{{{(index .NetworkSettings.Networks "{name}").GlobalIPv6Address}}}}'
        find = ["docker", "inspect", "--format", wanted, host.name]
        yield name, subprocess.run(find, capture_output=True, text=True, check=True).stdout.strip()
    finally:
        subprocess.run([*docker, "disconnect", "--force", name, host.name], check=False, capture_output=True)
        subprocess.run([*docker, "rm", name], check=True, capture_output=True)
