"""Filters that keep containers apart: fixed addresses, and the connections that services need."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

Table = Mapping[str, Mapping[str, Any]]
Addresses = dict[str, dict[str, str]]


def _halves(subnet: str) -> tuple[Any, Any]:
    """Split a network into the half that Docker hands out, and that of fixed addresses.

    Docker has the upper half of IPv4 by the network's `ip_range`; of IPv6 it hands out the lowest addresses first.
    """
    lower, upper = ipaddress.ip_network(subnet).subnets()
    return (upper, lower) if lower.version == 4 else (lower, upper)


def service_addresses(services: Table, network: Mapping[str, Any]) -> Addresses:
    """Return the fixed addresses of services in the platform's network, in Compose's terms, by service.

    `network` has `gateway`, the gateway's address, `cluster`, those of the servers of a Redis cluster by service, `subnets`, one
    of each family, and `isolated`. The gateway and these servers always have a fixed address; where containers are kept apart, so
    has each service whose row has a number for it (`address`).
    """
    found: Addresses = {}
    for subnet in network["subnets"] if network["isolated"] else []:
        fixed = _halves(subnet)[1]
        for name, row in services.items():
            if "address" in row:
                found.setdefault(name, {})[f"ipv{fixed.version}_address"] = str(fixed[int(row["address"])])
    found |= {name: {"ipv4_address": address} for name, address in network["cluster"].items() if name in services}
    if "nginx" in services:
        found["nginx"] = {**found.get("nginx", {}), "ipv4_address": str(network["gateway"])}
    return found


def connections(services: Table, network: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return which connections services need, one entry for each family of addresses, as nftables writes them.

    An entry has `family` (ip, ip6), `type` of its addresses, the network's `subnet`, `shared`, the addresses that Docker hands
    out, and `needed`: {source . destination . port: what it is for}. Services without a fixed address are all of `shared`.
    """
    fixed, entries = service_addresses(services, network), []
    for subnet in network["subnets"]:
        shared = _halves(subnet)[0]
        version, needed = shared.version, {}
        for name, row in services.items():
            for target in row.get("connects", []):
                other, _, port = str(target).partition(":")
                if other in services:
                    ends = [fixed.get(end, {}).get(f"ipv{version}_address", str(shared)) for end in (name, other)]
                    needed[" . ".join([*ends, port or str(services[other]["port"])])] = f"{name} to {target}"
        family = "ip" if version == 4 else "ip6"
        entries.append(
            {"family": family, "type": f"ipv{version}_addr", "subnet": subnet, "shared": str(shared), "needed": needed}
        )
    return entries


def isolation_faults(services: Table, network: Mapping[str, Any]) -> list[str]:
    """List what is wrong with the gateway's address, where containers are kept apart: another service has it."""
    if not network["isolated"]:
        return []
    gateway = str(network["gateway"])
    return [
        f"platform_gateway_address {gateway} is that of {name} (firewall_isolation): choose another"
        for name, addresses in service_addresses(services, network).items()
        if name != "nginx" and addresses.get("ipv4_address") == gateway
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which playbooks find the filters."""
        return {
            "service_addresses": service_addresses,
            "connections": connections,
            "isolation_faults": isolation_faults,
        }
