"""Filters that read the service table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmg])b?", re.IGNORECASE)
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104

Table = Mapping[str, Mapping[str, Any]]


def to_bytes(size: str) -> int:
    """Turn a size like `512m` or `2g` into bytes. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(str(size))
    if not match:
        raise ValueError(f"{size!r} is not a size like 512m or 2g")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def share_of(size: str, share: float) -> str:
    """Return a share of a size in whole megabytes, such as `384m`."""
    return f"{int(to_bytes(size) * share) // 1024**2}m"


def enabled(value: Any) -> bool:
    """Read a switch that may come as text."""
    return value if isinstance(value, bool) else str(value).strip().lower() in ("true", "yes", "on", "1")


def enabled_services(table: Table, overrides: Any = None) -> dict[str, dict[str, Any]]:
    """Return the rows that are on, in the table's order, with the overrides of single values."""
    overrides = overrides if isinstance(overrides, Mapping) else {}
    rows = {}
    for name, row in table.items():
        if enabled(row.get("enabled", True)):
            changes = overrides.get(name)
            rows[name] = {**row, **(changes if isinstance(changes, Mapping) else {})}
    return rows


def service_images(services: Table) -> dict[str, dict[str, str]]:
    """Return the images of the services that have one: {name: {ref}}."""
    return {name: {"ref": row["image"]} for name, row in services.items() if "image" in row}


def column(services: Table, key: str) -> dict[str, Any]:
    """Return one value of each row that has it, by service."""
    return {name: row[key] for name, row in services.items() if key in row}


def of_roles(services: Table, roles: Iterable[str]) -> list[str]:
    """Return the names of the services of some roles, in the table's order."""
    roles = set(roles)
    return [name for name, row in services.items() if row["role"] in roles]


def project_services(services: Table, names: Iterable[str]) -> list[dict[str, Any]]:
    """Return what the module compose_project takes of some services: name, scale, and what it can read again."""
    return [
        {
            "name": name,
            "scale": int(services[name].get("scale", 1)),
            "reload": "reload" in services[name],
            "reloads": services[name].get("reloads", []),
        }
        for name in names
    ]


def of_enabled(values: Mapping[str, Any], services: Table) -> dict[str, Any]:
    """Return the entries of the services that are on, from a mapping by service."""
    return {name: values[name] for name in services if name in values}


def limits(service: Mapping[str, Any]) -> dict[str, int]:
    """Return a row's limits as `docker inspect` shows them (A4): bytes, nano CPUs, CPU shares (1024 a core)."""
    memory = to_bytes(service["memory"])
    return {
        "NanoCpus": round(float(service["cpus"]) * 1e9),
        "Memory": memory,
        "MemorySwap": memory,
        "MemoryReservation": to_bytes(service["memory_reserved"]),
        "CpuShares": max(2, round(float(service["cpus_reserved"]) * 1024)),
    }


def both_families(ports: Iterable[Mapping[str, Any]], subnet_ipv6: str) -> list[Mapping[str, Any]]:
    """Add the gateway's ports at every IPv6 address to those at every IPv4 address, where the network has an IPv6 subnet."""
    found: list[Mapping[str, Any]] = []
    for entry in ports:
        found.append(entry)
        if subnet_ipv6 and entry["service"] == "nginx" and str(entry["address"]) == "0.0.0.0":  # noqa: S104
            found.append({**entry, "address": "::"})
    return found


def bindings(ports: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return `address:port` of each published port, IPv6 addresses in brackets."""
    return [f"{bracketed(str(entry['address']))}:{entry['port']}" for entry in ports]


def published(ports: Iterable[Mapping[str, Any]], services: Table) -> dict[str, list[str]]:
    """Return what Compose publishes, `address:port:container port`, by service; an empty list for what publishes nothing.

    The container's port is the service's own, or the entry's `target`.
    """
    found: dict[str, list[str]] = {name: [] for name in services}
    for entry in ports:
        name = entry["service"]
        if name in found:
            target = entry.get("target", services[name]["port"])
            found[name].append(f"{bracketed(str(entry['address']))}:{entry['port']}:{target}")
    return found


def bracketed(address: str) -> str:
    """Put an IPv6 address into brackets."""
    return f"[{address}]" if ":" in address else address


def local_address(bind: str) -> str:
    """Return the address at which the host itself reaches what is published on an address."""
    return _EVERYWHERE.get(str(bind), str(bind))


def local_url(bind: str, port: int | str, scheme: str = "http") -> str:
    """Return the URL by which the host itself reaches what is published on an address."""
    usual = {"http": "80", "https": "443"}[scheme]
    return f"{scheme}://{bracketed(local_address(bind))}" + ("" if str(port) == usual else f":{port}")


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "to_bytes": to_bytes,
            "share_of": share_of,
            "enabled_services": enabled_services,
            "service_images": service_images,
            "column": column,
            "of_roles": of_roles,
            "project_services": project_services,
            "of_enabled": of_enabled,
            "limits": limits,
            "both_families": both_families,
            "bindings": bindings,
            "published": published,
            "local_address": local_address,
            "local_url": local_url,
        }
