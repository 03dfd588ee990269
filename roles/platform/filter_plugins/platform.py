"""Filters of preflight: variables, services, images and sizes, each answering in words an operator can act on."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kmg])b?", re.IGNORECASE)
_PINNED = re.compile(r"\S+(:(?!latest$)[\w.-]+|@sha256:[0-9a-f]{64})")
_UNITS = {"k": 1024, "m": 1024**2, "g": 1024**3}
_NUMBERS = ("cpus", "cpus_reserved", "uid", "gid")
_HOST_PORTS = "platform_gateway_port, _direct_port, _prometheus_port, _grafana_port and _zipkin_port"


def to_bytes(size: str) -> int:
    """Turn a size like `512m` or `2g` into bytes. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(str(size))
    if not match:
        raise ValueError(f"{size!r} is not a size like 512m or 2g")
    return int(float(match[1]) * _UNITS[match[2].lower()])


def cpu_shares(cores: float) -> int:
    """Turn reserved cores into CPU shares (1024 a core): plain Compose ignores reserved CPUs (A4)."""
    return max(2, round(float(cores) * 1024))


def limits(service: Mapping[str, Any]) -> dict[str, int]:
    """Say one row of the service table as `docker inspect` says it (A4): bytes, nano CPUs, shares."""
    memory = to_bytes(service["memory"])
    return {
        "NanoCpus": round(float(service["cpus"]) * 1e9),
        "Memory": memory,
        "MemorySwap": memory,
        "MemoryReservation": to_bytes(service["memory_reserved"]),
        "CpuShares": cpu_shares(service["cpus_reserved"]),
    }


def unknown_variables(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Name each of `names` that is not `known`, with the nearest known one beside it."""
    known = sorted(set(known))
    found = []
    for name in sorted(set(names) - set(known)):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; remove it from the inventory"
        found.append(f"{name} is no variable of this project{hint}")
    return found


def text_faults(given: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Name the lists and mappings among the `given` variables that are texts, as `-e name=value` makes them.

    `options` are the specification's. Numbers and booleans may come as texts: they are converted where they are used.
    """
    examples = {"list": '["..."]', "dict": '{"...": "..."}'}
    return [
        f"{name} is a text, and must be a {options[name]['type']}: "
        f"write it in the inventory, or -e '{{\"{name}\": {examples[options[name]['type']]}}}'"
        for name, value in given.items()
        if isinstance(value, str) and options[name]["type"] in examples
    ]


def without_defaults(options: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Drop the defaults of a specification: they are templates of the roles, and here only what is given is looked at."""
    return {
        name: {k: v for k, v in option.items() if k not in ("default", "required")} for name, option in options.items()
    }


def _value_faults(path: str, key: str, value: Any, cores: float) -> list[str]:
    if key in _NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
            return [f"{path} must be a number, not {value!r}"]
        if key == "cpus" and value > cores:
            return [f"{path} is {value}, but the host has {cores} cores"]
        return []
    try:
        to_bytes(value)
    except ValueError as fault:
        return [f"{path}: {fault}"]
    return []


def service_faults(overrides: Any, defaults: Mapping[str, Mapping[str, Any]], cores: float) -> list[str]:
    """List what is wrong in `platform_services_overrides`: unknown services and keys, bad values, reserved above the limit.

    `cores` is the number of the host's cores; Docker refuses a limit above it. Returns one line a fault, empty when right.
    """
    if not isinstance(overrides, Mapping):
        return ["platform_services_overrides must be a mapping of services"]
    faults: list[str] = []
    for name, values in overrides.items():
        if name not in defaults:
            faults.append(f"platform_services_overrides.{name}: no such service; there are {', '.join(defaults)}")
            continue
        if not isinstance(values, Mapping):
            faults.append(f"platform_services_overrides.{name} must be a mapping")
            continue
        for key, value in values.items():
            path = f"platform_services_overrides.{name}.{key}"
            if key == "port":
                faults.append(f"{path}: the port inside the container is fixed (A3); {_HOST_PORTS} are the host's")
            elif key not in defaults[name]:
                settings = ", ".join(setting for setting in defaults[name] if setting != "port")
                faults.append(f"{path}: no such setting; there are {settings}")
            else:
                faults.extend(_value_faults(path, key, value, cores))
    if faults:
        return faults
    for name, base in defaults.items():
        merged = {**base, **overrides.get(name, {})}
        if to_bytes(merged["memory_reserved"]) > to_bytes(merged["memory"]):
            faults.append(f"platform_services_overrides.{name}: memory_reserved is above memory")
        if merged["cpus_reserved"] > merged["cpus"]:
            faults.append(f"platform_services_overrides.{name}: cpus_reserved is above cpus")
        if merged["cpus"] > cores:
            faults.append(
                f"the host has {cores} cores, {name} may use {merged['cpus']}: "
                f"set platform_services_overrides.{name}.cpus, or give the host more"
            )
    return faults


def image_faults(overrides: Any, images: Collection[str]) -> list[str]:
    """List what is wrong in `platform_images_overrides`: unknown `images`, and anything but a pinned `ref`."""
    if not isinstance(overrides, Mapping):
        return ["platform_images_overrides must be a mapping of images"]
    faults = []
    for name, values in overrides.items():
        path = f"platform_images_overrides.{name}"
        if name not in images:
            faults.append(f"{path}: no such image; there are {', '.join(images)}")
        elif not isinstance(values, Mapping):
            faults.append(f'{path} must be like {{ref: "{name}:1.2.3"}}')
        else:
            faults += [
                f"{path}.{key}: no such setting; there is ref, name and tag in one" for key in values if key != "ref"
            ]
            if values.get("ref") and not _PINNED.fullmatch(str(values["ref"])):
                faults.append(
                    f"{path}.ref is {values['ref']!r}: end it with a version or a digest, and never latest (A2)"
                )
    return faults


def bridge_address(subnet: str) -> str:
    """Return a network's first address: the bridge's, from which the host itself and its loopback clients come."""
    return str(next(ipaddress.ip_network(subnet).hosts()))


def upper_half(subnet: str) -> str:
    """Return the upper half of a network: addresses that Docker may hand out, beside the fixed ones below."""
    return str(list(ipaddress.ip_network(subnet).subnets())[1])


def network_faults(subnet: str, address: str) -> list[str]:
    """List what is wrong with the network's subnet and the gateway's address inside it."""
    try:
        network = ipaddress.ip_network(subnet)
    except ValueError as fault:
        return [f"platform_network_subnet: {fault}"]
    try:
        host = ipaddress.ip_address(address)
    except ValueError as fault:
        return [f"platform_gateway_address: {fault}"]
    if host not in network:
        return [f"platform_gateway_address {address} lies outside platform_network_subnet {subnet}"]
    first = next(network.hosts())
    if host in (network.network_address, network.broadcast_address, first):
        return [f"platform_gateway_address {address} is taken by the network itself: choose another in {subnet}"]
    if network.num_addresses < 64:
        return [f"platform_network_subnet {subnet} is too small for nine services and their replicas: /26 at least"]
    if host in ipaddress.ip_network(upper_half(subnet)):
        return [
            f"platform_gateway_address {address} lies in {upper_half(subnet)}, which Docker hands out: choose one below"
        ]
    return []


def port_faults(ports: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the published ports that are none, or that two services want."""
    faults: list[str] = []
    seen: dict[int, str] = {}
    for entry in ports:
        name, port = entry["variable"], int(entry["port"])
        if not 1 <= port <= 65535:
            faults.append(f"{name} is {port}: a port lies between 1 and 65535")
        elif port in seen:
            faults.append(f"{name} and {seen[port]} are both {port}: give one of them another port")
        seen[port] = name
    return faults


def origin_faults(origins: Iterable[str]) -> list[str]:
    """List the malformed of the CORS `origins`: `*`, or scheme, host and port without a path."""
    right = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?")
    return [
        f"gateway_cors_origins: {origin!r} is no origin: write it like https://jiucom.com"
        for origin in origins
        if not right.fullmatch(str(origin))
    ]


class FilterModule:
    """What Ansible looks for."""

    def filters(self) -> dict[str, Any]:
        """Name the filters."""
        return {
            "platform_to_bytes": to_bytes,
            "platform_cpu_shares": cpu_shares,
            "platform_limits": limits,
            "platform_unknown_variables": unknown_variables,
            "platform_bridge_address": bridge_address,
            "platform_upper_half": upper_half,
            "platform_text_faults": text_faults,
            "platform_image_faults": image_faults,
            "platform_without_defaults": without_defaults,
            "platform_service_faults": service_faults,
            "platform_network_faults": network_faults,
            "platform_port_faults": port_faults,
            "platform_origin_faults": origin_faults,
        }
