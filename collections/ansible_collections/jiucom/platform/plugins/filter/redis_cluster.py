"""Filters that make the six servers of a Redis cluster out of the one service of the table."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.quoting import quoted

SERVICE = "redis"
# The port that servers of a cluster talk to each other at is so much higher.
BUS = 10_000
# Three primaries, each with a replica.
SERVERS = (SERVICE, *(f"{SERVICE}-{number}" for number in range(2, 7)))


def cluster_addresses(subnet: str, gateway: str) -> dict[str, str]:
    """Return each server's fixed address, {service: address}: the last ones of the subnet's lower half, but for the gateway's.

    A cluster remembers addresses, not names. Empty where the subnet is too small or none: that is told elsewhere.
    """
    try:
        lower = next(ipaddress.IPv4Network(subnet).subnets())
    except ValueError:
        return {}
    # The first two are the network's own and Docker's. Of the last ones one may be the gateway's.
    last = [str(lower[-number]) for number in range(min(len(SERVERS) + 1, lower.num_addresses - 2), 0, -1)]
    free = [address for address in last if address != gateway][-len(SERVERS) :]
    return dict(zip(SERVERS, free, strict=True)) if len(free) == len(SERVERS) else {}


def cluster_rows(
    services: Mapping[str, Mapping[str, Any]], addresses: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    """Return the service table with a row for each server, behind Redis's own row and like it but for its volume.

    They run Redis's image, so that they have none of their own. Each connects to the others, and what connects to Redis connects
    to all of them. Without addresses there is no cluster.
    """
    if not addresses:
        return dict(services)
    rows: dict[str, Mapping[str, Any]] = {}
    for name, row in services.items():
        if name == SERVICE:
            like = {key: value for key, value in row.items() if key not in ("image", "address")}
            ports = (int(row["port"]), int(row["port"]) + BUS)
            for server in addresses:
                others = [f"{other}:{port}" for other in addresses if other != server for port in ports]
                own = row if server == SERVICE else like | {"volumes": _volumes(row, server)}
                rows[server] = {**own, "connects": others}
        elif SERVICE in row.get("connects", []):
            rows[name] = {**row, "connects": [*row["connects"], *(server for server in addresses if server != SERVICE)]}
        else:
            rows[name] = row
    return rows


def _volumes(row: Mapping[str, Any], server: str) -> dict[str, str]:
    return {_of(volume, server): path for volume, path in row.get("volumes", {}).items()}


def _of(text: str, server: str) -> str:
    """Name the directory or the volume of a server: `redis-data` is `redis-2-data`, `./redis/conf` is `./redis-2/conf`."""
    return text.replace(SERVICE, server, 1)


def cluster_definitions(
    definitions: Mapping[str, Mapping[str, Any]], addresses: Mapping[str, str]
) -> dict[str, Mapping[str, Any]]:
    """Return the definitions of a role's services with one for each server, made from Redis's own.

    Each has its own volume and directory, and tells the others its address. The files are the same, and validated once.
    """
    found = dict(definitions)
    for server, address in addresses.items():
        like = definitions[SERVICE]
        compose = dict(like["compose"])
        mounts = [volume.partition(":") for volume in compose["volumes"]]
        compose |= {
            "command": [*compose["command"], "--cluster-announce-ip", address],
            "volumes": [f"{_of(source, server)}:{rest}" for source, _, rest in mounts],
        }
        more: dict[str, Any] = {} if server == SERVICE else {"validate": []}
        found[server] = {**like, **more, "compose": compose}
    return found


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Name the filters."""
        return {
            "cluster_addresses": cluster_addresses,
            "cluster_definitions": cluster_definitions,
            "cluster_rows": cluster_rows,
            "redis_quoted": quoted,
        }
