"""Filters of preflight: each returns a list of faults, one line each, that name the variable and what to change."""

from __future__ import annotations

import difflib
import ipaddress
import re
import zoneinfo
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.jiucom.platform.plugins.filter.services import to_bytes
from ansible_collections.jiucom.platform.plugins.module_utils import references

_NUMBERS = ("cpus", "cpus_reserved", "uid", "gid")
_FIXED = ("role", "image", "enabled", "volumes", "reload", "reloads", "scale", "lines", "address", "connects")
_DOCKER_BRIDGE = re.compile(r"br-[0-9a-f]{12}")
_HOST_PORTS = "platform_gateway_port, _direct_port, _prometheus_port, _grafana_port and _zipkin_port"


def split_unknown(
    names: Iterable[str], known: Iterable[str], former: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Sort the names that are not known into `misspelled`, a line each with the right name, and `foreign`.

    Foreign names belong to other roles of the operator: many use prefixes such as docker_. `former` are those that an earlier
    release has read, with what to set in their place.
    """
    former = former or {}
    known = sorted(set(known))
    found: dict[str, list[str]] = {"misspelled": [], "foreign": []}
    for name in sorted(set(names) - set(known)):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.86)
        if name in former:
            found["misspelled"].append(f"{name} is no longer read: {former[name]}")
        elif near:
            found["misspelled"].append(f"{name} is an unknown variable; did you mean {near[0]}?")
        else:
            found["foreign"].append(name)
    return found


def type_faults(given: Mapping[str, Any], options: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """List the variables whose type is not what was meant, though a specification would convert it silently.

    `-e name=value` makes a text of a list or mapping, and YAML makes another number of an unquoted text such as 0123.
    `options` are the specification's. Numbers and booleans may come as texts: they are converted where they are used.
    """
    examples = {"list": '["..."]', "dict": '{"...": "..."}'}
    faults = []
    for name, value in given.items():
        wanted = options[name]["type"]
        if isinstance(value, str) and wanted in examples:
            faults.append(
                f"{name} is a text, and must be a {wanted}: "
                f"write it in the inventory, or -e '{{\"{name}\": {examples[wanted]}}}'"
            )
        if wanted == "str" and isinstance(value, bool | int | float):
            faults.append(f"{name} is not a text but a {type(value).__name__} to YAML: put it in quotes")
    return faults


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


def service_faults(overrides: Any, table: Mapping[str, Mapping[str, Any]], cores: float) -> list[str]:
    """List what is wrong in `platform_services_overrides`: unknown services and keys, bad values, reserved above the limit.

    `cores` is the number of the host's cores; Docker refuses a limit above it.
    """
    if not isinstance(overrides, Mapping):
        return ["platform_services_overrides must be a mapping of services"]
    faults: list[str] = []
    for name, values in overrides.items():
        if name not in table:
            faults.append(f"platform_services_overrides.{name}: no such service; there are {', '.join(table)}")
            continue
        if not isinstance(values, Mapping):
            faults.append(f"platform_services_overrides.{name} must be a mapping")
            continue
        for key, value in values.items():
            path = f"platform_services_overrides.{name}.{key}"
            if key == "port":
                faults.append(f"{path}: the port inside the container is fixed (A3); {_HOST_PORTS} are the host's")
            elif key not in table[name] or key in _FIXED:
                settings = ", ".join(setting for setting in table[name] if setting not in ("port", *_FIXED))
                faults.append(f"{path}: no such setting; there are {settings}")
            else:
                faults.extend(_value_faults(path, key, value, cores))
    if faults:
        return faults
    for name, base in table.items():
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
    """List what is wrong in `platform_images_overrides`: unknown `images`, and anything but an exact `ref` (A2)."""
    if not isinstance(overrides, Mapping):
        return ["platform_images_overrides must be a mapping of images"]
    faults = []
    for name, values in overrides.items():
        path = f"platform_images_overrides.{name}"
        if name not in images:
            faults.append(f"{path}: no such image; there are {', '.join(images)}")
            continue
        if not isinstance(values, Mapping):
            faults.append(f'{path} must be like {{ref: "{name}:1.2.3"}}')
            continue
        faults += [
            f"{path}.{key}: no such setting; there is ref, name and tag in one" for key in values if key != "ref"
        ]
        if values.get("ref"):
            try:
                pinned = references.parse(str(values["ref"])).pinned
            except ValueError as fault:
                faults.append(f"{path}.ref: {fault}")
                continue
            if not pinned:
                faults.append(
                    f"{path}.ref is {values['ref']!r}, which moves: end it with a version of three numbers or a digest (A2)"
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


def place_faults(project: str, network: str, path: str) -> list[str]:
    """List what Compose, Docker or a shell would not take as the name of the project, of its network, or as its directory."""
    faults = []
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", project):
        faults.append(f"platform_project is {project}: use small letters, digits, - and _, forty at most")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}", network):
        faults.append(f"platform_network_name is {network}: use letters, digits, ., - and _")
    if not re.fullmatch(r"(/[A-Za-z0-9_.-]+)+", path) or ".." in path.split("/"):
        faults.append(f"platform_dir is {path}: set a path from / on, of letters, digits, ., - and _")
    return faults


def ipv6_faults(subnet: str, ports: Iterable[Mapping[str, Any]] = ()) -> list[str]:
    """List what is wrong with the network's IPv6 subnet; where there is none, published `ports` have no IPv6 address."""
    if not subnet:
        # Docker would pass them on by IPv4, all with the address of its bridge.
        return [
            f"{entry['variable']} is published at {entry['address']}: set platform_network_subnet_ipv6, or clients of IPv6 "
            "would all share one address, and so one limit"
            for entry in ports
            if ":" in str(entry["address"]) and str(entry["address"]) != "::1"
        ]
    try:
        network = ipaddress.ip_network(subnet)
    except ValueError as fault:
        return [f"platform_network_subnet_ipv6: {fault}"]
    if network.version != 6 or network.prefixlen > 112:
        return [
            f"platform_network_subnet_ipv6 is {subnet}: set an IPv6 network of /112 or larger, such as fd00:80::/64"
        ]
    return []


def overlap_faults(
    subnets: Iterable[str], own: str, networks: Sequence[Mapping[str, Any]], routes: Iterable[Mapping[str, str]]
) -> list[str]:
    """List what already uses addresses of our `subnets`: other Docker networks, and routes of the host.

    `own` is the name of our network; `networks` and `routes` are what host_state returns.
    """
    faults, bridges = [], []
    wanted = [ipaddress.ip_network(subnet) for subnet in subnets if subnet]
    for network in networks:
        taken = [ipaddress.ip_network(subnet, strict=False) for subnet in network["subnets"]]
        bridges += taken
        if network["name"] != own:
            faults += [
                f"platform_network_subnet {ours} overlaps with {theirs} of Docker's network {network['name']}: choose another"
                for ours in wanted
                for theirs in taken
                if ours.version == theirs.version and ours.overlaps(theirs)
            ]
    for route in routes:
        try:
            theirs = ipaddress.ip_network(route["destination"], strict=False)
        except ValueError:
            continue
        # A daemon that is down names no network, and leaves their bridges: this one is ours, or would have the same addresses.
        left_behind = not networks and _DOCKER_BRIDGE.fullmatch(route["device"]) and theirs in wanted
        if theirs in bridges or theirs.prefixlen == 0 or left_behind:
            continue
        faults += [
            f"platform_network_subnet {ours} overlaps with the host's route to {theirs} ({route['device']}): choose another"
            for ours in wanted
            if ours.version == theirs.version and ours.overlaps(theirs)
        ]
    return faults


def port_faults(ports: Iterable[Mapping[str, Any]]) -> list[str]:
    """List published ports that are out of range, or that two services want, and addresses that are none."""
    faults: list[str] = []
    seen: dict[int, str] = {}
    for entry in ports:
        name, port = entry["variable"], int(entry["port"])
        try:
            ipaddress.ip_address(str(entry["address"]))
        except ValueError:
            bind = (
                name.replace("_https", "").replace("_port", "_bind")
                if "gateway" in name or "direct" in name
                else "platform_monitoring_bind"
            )
            faults.append(f"{bind} is {entry['address']!r}: set an address of the host, such as 0.0.0.0 or 127.0.0.1")
        if not 1 <= port <= 65535:
            faults.append(f"{name} is {port}: a port lies between 1 and 65535")
        elif port in seen:
            faults.append(f"{name} and {seen[port]} are both {port}: give one of them another port")
        seen[port] = name
    return faults


def taken_ports(ports: Iterable[Mapping[str, Any]], taken: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the published ports on which another program of the host listens already, at the same address or at all of them."""
    used = [(str(socket["address"]), int(socket["port"])) for socket in taken]
    everywhere = ("0.0.0.0", "::", "*", "")  # noqa: S104

    def meet(entry: Mapping[str, Any]) -> bool:
        wanted = str(entry["address"])
        return any(
            port == int(entry["port"]) and (address == wanted or address in everywhere or wanted in everywhere)
            for address, port in used
        )

    return [entry for entry in ports if meet(entry)]


def taken_faults(ports: Iterable[Mapping[str, Any]], taken: Iterable[Mapping[str, Any]]) -> list[str]:
    """List the published ports that are taken, a line each."""
    return [
        f"Port {entry['port']} is taken on the host: stop the process that listens there "
        f"(ss -ltnp 'sport = :{entry['port']}'), or set {entry['variable']}"
        for entry in taken_ports(ports, taken)
    ]


def origin_faults(origins: Iterable[str]) -> list[str]:
    """List the malformed of the CORS `origins`: `*`, or scheme, host and port without a path."""
    right = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-fA-F:]+\](:\d{1,5})?")
    return [
        f"gateway_cors_origins: {origin!r} is not an origin: write it like https://jiucom.com"
        for origin in origins
        if not right.fullmatch(str(origin))
    ]


def cidr_faults(networks: Iterable[str], variable: str) -> list[str]:
    """List the malformed networks of a variable; an address alone is a network of one."""
    faults = []
    for network in networks:
        try:
            ipaddress.ip_network(str(network))
        except ValueError as fault:
            faults.append(f"{variable}: {fault}")
    return faults


def networks_with(networks: Iterable[str], address: str) -> list[str]:
    """List those of the `networks` (CIDR or addresses) that hold the address; malformed ones are cidr_faults' matter."""
    found = []
    for network in networks:
        try:
            if ipaddress.ip_address(address) in ipaddress.ip_network(network, strict=False):
                found.append(network)
        except ValueError:
            continue
    return found


def url_faults(url: str, port: int | str, proxied: bool, tls: str = "none") -> list[str]:
    """List what is wrong with `platform_public_url`.

    `port` is the port that users reach, `proxied` says that something in front of the gateway is known, `tls` is gateway_tls.
    """
    parts = urlsplit(str(url))
    try:
        given = parts.port or {"https": 443}.get(parts.scheme, 80)
    except ValueError:
        return [f"platform_public_url is {url!r}: a port lies between 1 and 65535"]
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment:
        return [f"platform_public_url is {url!r}: write scheme and host without a path, like http://shop.example.kr"]
    if tls != "none" and parts.scheme == "http":
        return [f"platform_public_url is {url}, and gateway_tls {tls}: write https://, or set gateway_tls: none"]
    if tls == "none" and parts.scheme == "https" and not proxied:
        return [
            "platform_public_url is https, and the gateway speaks http: set gateway_tls (acme, files or selfsigned), or "
            "gateway_trusted_proxies to the addresses of what ends TLS in front of it"
        ]
    if not proxied and given != int(port):
        variable = "platform_gateway_port" if tls == "none" else "platform_gateway_https_port"
        return [f"platform_public_url is {url}, and {variable} {port}: name the same port in both"]
    return []


def name_faults(names: Iterable[str], mode: str) -> list[str]:
    """List the names for which no certificate can be had: a public authority knows only names with a domain."""
    label = r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)"
    domain = re.compile(rf"({label}\.)+(?=[A-Za-z0-9-]*[A-Za-z]){label}")
    host = re.compile(rf"{label}(\.{label})*")
    faults = []
    for name in map(str, names):
        if mode == "acme" and not domain.fullmatch(name):
            faults.append(
                f"gateway_tls is acme, and {name} is no name with a domain, which an authority could look up: set "
                "platform_public_url and gateway_tls_names, or gateway_tls: selfsigned or files"
            )
        elif ":" not in name and not host.fullmatch(name):
            faults.append(f"gateway_tls_names: {name!r} is not a host name")
    return faults


def example_faults(values: Mapping[str, Any]) -> list[str]:
    """List the variables that still hold a name of the example inventory, such as shop.example.com or x@example.kr."""
    example = re.compile(r"(^|[@./])example(\.[a-z]+)*(:\d+)?/?$", re.IGNORECASE)
    return [
        f"{name} is {value}, an example: set your own" for name, value in values.items() if example.search(str(value))
    ]


def zone_faults(zone: str) -> list[str]:
    """List what is wrong with `platform_time_zone`: names count letter by letter, as in the containers."""
    zones = zoneinfo.available_timezones()
    if str(zone) in zones:
        return []
    near = difflib.get_close_matches(str(zone).lower(), [name.lower() for name in zones], n=1)
    right = next((name for name in zones if near and name.lower() == near[0]), "Asia/Seoul")
    return [f"platform_time_zone is {zone!r}, which is not a time zone: did you mean {right}?"]


def range_faults(values: Mapping[str, Any], ranges: Mapping[str, Iterable[float]]) -> list[str]:
    """List numbers outside their range; `ranges` gives the lowest and the highest by variable."""
    faults = []
    for name, (low, high) in ranges.items():
        try:
            value = float(values[name])
        except (TypeError, ValueError):
            faults.append(f"{name} is {values[name]!r}: set a number between {low} and {high}")
            continue
        if not low <= value <= high:
            faults.append(f"{name} is {values[name]}: set a number between {low} and {high}")
    return faults


def size_faults(name: str, size: str, limit: str, share: float, service: str) -> list[str]:
    """List a memory setting above its share of the container's limit, beyond which the kernel would kill the service."""
    try:
        value = to_bytes(size)
    except ValueError as fault:
        return [f"{name}: {fault}"]
    if value > to_bytes(limit) * share:
        return [
            f"{name} is {size}, more than {share:.0%} of the {limit} of {service}: lower it, or raise "
            f"platform_services_overrides.{service}.memory"
        ]
    return []


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        """Names under which templates find the filters."""
        return {
            "split_unknown": split_unknown,
            "type_faults": type_faults,
            "service_faults": service_faults,
            "image_faults": image_faults,
            "bridge_address": bridge_address,
            "upper_half": upper_half,
            "network_faults": network_faults,
            "ipv6_faults": ipv6_faults,
            "place_faults": place_faults,
            "networks_with": networks_with,
            "overlap_faults": overlap_faults,
            "port_faults": port_faults,
            "taken_ports": taken_ports,
            "taken_faults": taken_faults,
            "origin_faults": origin_faults,
            "cidr_faults": cidr_faults,
            "url_faults": url_faults,
            "name_faults": name_faults,
            "example_faults": example_faults,
            "zone_faults": zone_faults,
            "range_faults": range_faults,
            "size_faults": size_faults,
        }
