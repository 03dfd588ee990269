"""The platform's compose.yaml as a stack of Docker Swarm: the same definitions, with what Swarm takes for what it does not."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# How each Compose key of a service (ORDER in filter/compose.py) is converted: copied, translated, or omitted.
TAKEN = (
    "image", "init", "user", "entrypoint", "command", "environment", "healthcheck", "stop_signal", "stop_grace_period",
    "read_only", "cap_drop", "cap_add", "ulimits", "logging",
)  # fmt: skip
CHANGED = {
    "volumes": "files become configs and secrets, named by their content; volumes stay, on the service's node",
    "tmpfs": "mounts with the same size; with an owner, volumes in memory",
    "ports": "the gateway's alone, in host mode, where one host has them on every address",
    "networks": "one overlay network, without fixed addresses",
    "scale": "deploy.replicas",
    "restart": "deploy.restart_policy: always, after five seconds",
    "deploy": "the same limits; placement and updates are added",
}
LEFT = {
    "build": "the first host builds, and the others get its images",
    "pull_policy": "every node has the images",
    "depends_on": "Swarm has no order: what starts too early ends and is started again",
    "cpu_shares": "Swarm has no shares, and a reservation would only keep services from hosts with few cores",
    "memswap_limit": "swap is the host's to switch off",
    "security_opt": "no-new-privileges is the daemon's, in docker_daemon_options",
    "labels": "a changed file has another name",
}
# Swarm takes no empty file; what reads these takes a line's end for nothing.
NOTHING = b"\n"
# A node that dies ends no connection: after six seconds and not fifteen minutes without a sign of what was sent, the gateway asks
# another replica.
SILENCE = {"net.ipv4.tcp_retries2": "4"}
_MEGA = 1024**2
_UNITS = {"": 1, "b": 1, "k": 1024, "m": _MEGA, "g": 1024**3}


@dataclass(frozen=True)
class Settings:
    """How the stack is made: the installation, its network, the key of the hashes, and the number of hosts."""

    path: Path
    project: str
    network: str
    subnet: str
    key: bytes
    hosts: int = 3
    gateway: str = "nginx"
    # The service with replicas, and the one like it that has its volume.
    replicated: str = "app"
    keeper: str = "pictures"


@dataclass
class File:
    """A file of a service as Swarm's config or secret."""

    name: str
    path: Path
    content: bytes
    secret: bool


def bytes_of(size: str) -> int:
    """Return a size of tmpfs, such as `64m`, in bytes. Raises ValueError."""
    match = re.fullmatch(r"(\d+)([bkmg]?)b?", size.lower())
    if not match:
        raise ValueError(f"{size!r} is not a size like 64m")
    return int(match[1]) * _UNITS[match[2]]


def name_of(settings: Settings, service: str, path: str, content: bytes) -> str:
    """Name a config or secret by its content, which a name cannot be led back to."""
    digest = hmac.new(settings.key, f"{service}\0{path}\0".encode() + content, hashlib.sha256).hexdigest()[:16]
    readable = re.sub(r"[^\w.-]", "-", f"{settings.project}-{service}-{Path(path).name}")
    return f"{readable[:47]}-{digest}"


class Stack:
    """The stack, and the files that it takes along."""

    def __init__(self, project: Mapping[str, Any], settings: Settings) -> None:
        self.settings = settings
        self.files: dict[str, File] = {}
        # Volumes in memory, by name: a mount of a stack has no owner.
        self.memory: dict[str, dict[str, Any]] = {}
        self.services = {name: self.service(name, one) for name, one in project["services"].items()}
        self.volumes = {
            mount["source"]: self.memory.get(mount["source"], {"name": f"{settings.project}_{mount['source']}"})
            for one in self.services.values()
            for mount in one.get("volumes", [])
            if mount["type"] == "volume"
        }

    def service(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Write one service as Swarm takes it. Raises ValueError for a key that has no fate."""
        unknown = given.keys() - {*TAKEN, *CHANGED, *LEFT}
        if unknown:
            raise ValueError(f"{name}: nothing says what becomes of {', '.join(sorted(unknown))} in a stack")
        made = {key: given[key] for key in TAKEN if given.get(key) not in (None, "", [], {})}
        mounts = [self.tmpfs(name, entry) for entry in given.get("tmpfs", [])]
        attached: dict[str, list[dict[str, Any]]] = {"configs": [], "secrets": []}
        for volume in given.get("volumes", []):
            if volume["type"] == "volume":
                mounts.append({"type": "volume", "source": volume["source"], "target": volume["target"]})
            else:
                for kind, entry in self.attach(name, given["user"], volume):
                    attached[kind].append(entry)
        made |= {kind: entries for kind, entries in attached.items() if entries}
        if mounts:
            made["volumes"] = mounts
        if name == self.settings.gateway:
            made["sysctls"] = SILENCE
        ports = self.ports(given.get("ports", [])) if name == self.settings.gateway else []
        if ports:
            made["ports"] = ports
        made["networks"] = {"jiucom": {}}
        made["deploy"] = self.deploy(name, given, bool(ports), self.kept(mounts))
        return made

    def tmpfs(self, service: str, entry: str) -> dict[str, Any]:
        """Turn `/tmp:mode=1777,size=64m` into a mount, and one with an owner into a volume in memory."""
        target, _, options = entry.partition(":")
        if "uid=" in options:
            name = f"{service}{target.replace('/', '-')}"
            self.memory[name] = {
                "name": f"{self.settings.project}_{name}",
                "driver_opts": {"type": "tmpfs", "device": "tmpfs", "o": options},
            }
            return {"type": "volume", "source": name, "target": target}
        size = next((one.partition("=")[2] for one in options.split(",") if one.startswith("size=")), "64m")
        return {"type": "tmpfs", "target": target, "tmpfs": {"size": bytes_of(size)}}

    def kept(self, mounts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Return the mounts whose contents outlive the container."""
        return [one for one in mounts if one["type"] == "volume" and one["source"] not in self.memory]

    def attach(self, service: str, user: str, volume: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
        """Yield a config or secret for each file below a directory of the installation, at its place in the container."""
        source, (uid, _, gid) = Path(volume["source"]), str(user).partition(":")
        paths = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for path in paths:
            # The gateway's certificate and key are in one file, beside a file for Prometheus.
            kind = "secrets" if source.name == "secrets" or not path.stat().st_mode & 0o077 else "configs"
            content = path.read_bytes() or NOTHING
            relative = path.relative_to(self.settings.path)
            name = name_of(self.settings, service, str(relative), content)
            self.files[name] = File(name, path, content, kind == "secrets")
            target = volume["target"] if path == source else f"{volume['target']}/{path.relative_to(source)}"
            owner = (
                {"uid": uid, "gid": gid, "mode": 0o400}
                if kind == "secrets"
                else {"uid": "0", "gid": gid, "mode": 0o440}
            )
            yield kind, {"source": name, "target": target, **owner}

    def ports(self, given: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return the ports that are open to everyone. Those of one address would be open on every address: they are left out."""
        return [
            {"target": one["target"], "published": int(one["published"]), "protocol": "tcp", "mode": "host"}
            for one in given
            if one.get("host_ip", "0.0.0.0") in ("0.0.0.0", "")  # noqa: S104
        ]

    def deploy(
        self, name: str, given: Mapping[str, Any], open_to_all: bool, volumes: list[Mapping[str, Any]]
    ) -> dict[str, Any]:
        """Write where and how often a service runs, and how it is replaced."""
        limits = given["deploy"]["resources"]["limits"]
        label = f"node.labels.{self.settings.project}"
        # Two containers cannot hold the same port or data: the old one stops before the new one starts.
        order = "stop-first" if open_to_all or volumes else "start-first"
        made: dict[str, Any] = {
            "endpoint_mode": "dnsrr",
            "resources": {
                "limits": {"cpus": str(limits["cpus"]), "memory": str(limits["memory"]), "pids": int(limits["pids"])},
                "reservations": {"memory": str(given["deploy"]["resources"]["reservations"]["memory"])},
            },
            "restart_policy": {"condition": "any", "delay": "5s"},
            "update_config": {
                "parallelism": 1,
                "order": order,
                "failure_action": "rollback",
                "monitor": "20s",
            },
            "rollback_config": {"parallelism": 1, "order": order},
        }
        if name == self.settings.gateway:
            return {"mode": "global", "placement": {"constraints": [f"{label}.edge == true"]}, **made}
        if volumes:
            made["placement"] = {"constraints": [f"{label}.{name} == true"]}
        return {"mode": "replicated", "replicas": int(given.get("scale", 1)), **made}

    def spread(self) -> None:
        """Take the volume from the service with replicas, which may run anywhere, and give it to one more that stays with it."""
        settings = self.settings
        if settings.replicated not in self.services:
            return
        app = self.services[settings.replicated]
        app["environment"] = {**app.get("environment", {}), "FORWARDED_ALLOW_IPS": settings.subnet}
        keeper = {
            **app,
            "deploy": {**app["deploy"], "replicas": 1},
            "networks": {"jiucom": {"aliases": [settings.replicated]}},
        }
        keeper["deploy"]["placement"] = {"constraints": [f"node.labels.{settings.project}.{settings.keeper} == true"]}
        app["volumes"] = [one for one in app.get("volumes", []) if one not in self.kept(app["volumes"])]
        # No host has so many that the others would not hold all, and one more during a deploy, without another host.
        most = math.ceil((app["deploy"]["replicas"] + 1) / (settings.hosts - 1))
        app["deploy"]["placement"] = {"max_replicas_per_node": most}
        # Two copies at a time write to the volume without harm: files have names of their own and never change.
        for one in (app, keeper):
            for config in ("update_config", "rollback_config"):
                one["deploy"][config] = {**one["deploy"][config], "order": "start-first"}
        self.services[settings.keeper] = keeper

    def pinned(self) -> list[str]:
        """Name the services that stay on one node, for their volumes."""
        return [name for name, one in self.services.items() if self.kept(one.get("volumes", []))]

    def written(self, place: Path) -> dict[str, Any]:
        """Return the stack as a file for `docker stack deploy`, which reads the contents; empty ones stand at `place`."""
        settings = self.settings
        network: dict[str, Any] = {
            "name": settings.network,
            "driver": "overlay",
            "ipam": {"config": [{"subnet": settings.subnet}]},
        }
        files: dict[str, dict[str, Any]] = {"configs": {}, "secrets": {}}
        for name, file in self.files.items():
            path = place if file.content == NOTHING else file.path
            files["secrets" if file.secret else "configs"][name] = {"name": name, "file": str(path)}
        return {
            "services": self.services,
            "networks": {"jiucom": network},
            "volumes": self.volumes,
            **files,
        }


def stack(project: Mapping[str, Any], settings: Settings) -> Stack:
    """Make the stack of a Compose project, as `docker compose config --format json` has it. Raises ValueError, OSError."""
    made = Stack(project, settings)
    made.spread()
    return made
