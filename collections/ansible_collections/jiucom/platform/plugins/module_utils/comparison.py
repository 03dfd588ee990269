"""The comparison of a Compose project as it is written with its containers as they are.

compose_project asks it what to bring to what is written, the report by the clock (roles/stack/files/drift.py) what to tell.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import os
import secrets
import subprocess
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine

LABEL = "jiucom.files"
# The directory with each service's part of compose.yaml.
FRAGMENTS = ".services"
# The directory with a record for each service: the files that it has read last.
APPLIED = ".applied"
# Why a service differs: what Compose makes of its part of compose.yaml, and its files.
DEFINITION = "its definition in compose.yaml changed"
FILES = "its files changed"
_Container = Mapping[str, Any]


class ComposeError(RuntimeError):
    """Compose does not take a file; the text is what it says."""


@dataclass(frozen=True)
class Written:
    """A compose.yaml as Compose reads it: the hash of each service, and the configuration with all defaults."""

    hashes: dict[str, str]
    config: dict[str, Any]

    def service(self, name: str) -> dict[str, Any]:
        """Return the definition of a service."""
        found: dict[str, Any] = self.config["services"][name]
        return found


def compose_config(directory: Path, file: Path | str, *arguments: str, given: str = "") -> str:
    """Have Compose read a file, or with `-` the text that is given. Raises ComposeError."""
    command = ["docker", "compose", "--project-directory", str(directory), "--file", str(file), "config", *arguments]
    done = subprocess.run(command, cwd=directory, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeError(f"{' '.join(command)}: {(done.stderr + done.stdout).strip()}")
    return done.stdout


def read(directory: Path, file: Path) -> Written:
    """Have Compose read a file. Raises ComposeError."""
    hashes = dict(line.split() for line in compose_config(directory, file, "--hash", "*").splitlines())
    return Written(hashes, json.loads(compose_config(directory, file, "--format", "json")))


def load_key(directory: Path, keep: bool) -> bytes:
    """Read the key of an installation's hashes; made at the first use, and written if `keep`."""
    file = directory / ".key"
    if file.is_file():
        return file.read_bytes()
    key = secrets.token_bytes(32)
    if keep and directory.is_dir():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(handle, key)
        os.close(handle)
    return key


def fingerprints(directory: Path, key: bytes, reloads: list[str]) -> tuple[str, str]:
    """Hash a service's files with a key, those in the directories `reloads` by themselves; returns the others' hash and theirs.

    A label that holds one tells nothing about secrets. The time of change counts: a file that was edited by hand, loaded, and
    put right again is another file than the one loaded.
    """
    others, again = hmac.new(key, digestmod=hashlib.sha256), hmac.new(key, digestmod=hashlib.sha256)
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            status, name = path.stat(), path.relative_to(directory)
            facts = (name, status.st_uid, status.st_gid, status.st_mode, status.st_mtime_ns)
            total = again if name.parts[0] in reloads else others
            total.update(repr(tuple(map(str, facts))).encode() + hashlib.sha256(path.read_bytes()).digest())
    return others.hexdigest()[:16], again.hexdigest()[:16]


def limits(definition: Mapping[str, Any]) -> dict[str, int]:
    """Return the limits of a definition as `docker inspect` shows them: bytes, nano CPUs, CPU shares, processes.

    Without that of swap: where the kernel has none, Docker makes another one of it.
    """
    resources = definition.get("deploy", {}).get("resources", {})
    most, least = resources.get("limits", {}), resources.get("reservations", {})
    given = {
        "Memory": int(most.get("memory", 0)),
        "NanoCpus": round(float(most.get("cpus", 0)) * 1e9),
        "PidsLimit": int(most.get("pids", 0)),
        "MemoryReservation": int(least.get("memory", 0)),
        "CpuShares": int(definition.get("cpu_shares", 0)),
    }
    return {name: value for name, value in given.items() if value}


def by_hand(container: _Container, definition: Mapping[str, Any], networks: Mapping[str, Any]) -> list[str]:
    """Say what was changed on a container itself, which Compose does not see: limits, restart policy, networks.

    `networks` are those of the file, by the name that definitions have for them.
    """
    host = container["HostConfig"]
    found = [
        f"{name} is {host[name]} instead of {value}"
        for name, value in limits(definition).items()
        if host[name] != value
    ]
    restart, wanted = host["RestartPolicy"]["Name"], definition.get("restart", "no")
    if restart != wanted:
        found.append(f"its restart policy is {restart} instead of {wanted}")
    joined = set(container["NetworkSettings"]["Networks"])
    meant = {networks[name]["name"] for name in definition.get("networks") or {}}
    if meant and joined != meant:
        names = " and ".join(sorted(joined)) or "no network"
        found.append(f"it is connected to {names} instead of {' and '.join(sorted(meant))}")
    return found


class Comparison:
    """The services of one installation, as they are written and as they run.

    `services` are as compose_project takes them: name, scale, reload, reloads.
    """

    def __init__(self, base: Path, project: str, services: list[dict[str, Any]], key: bytes) -> None:
        self.base, self.project = base, project
        self.services = {one["name"]: one for one in services}
        # By service: the hash in its label, and that of what it reads again.
        self.labels: dict[str, str] = {}
        self.prints: dict[str, str] = {}
        for name, service in self.services.items():
            others, again = fingerprints(base / name, key, service["reloads"])
            whole = service["reload"] and not service["reloads"]
            self.labels[name], self.prints[name] = ("reloaded", others) if whole else (others, again)

    @cached_property
    def found(self) -> dict[str, list[dict[str, Any]]]:
        """The containers as Docker inspects them, by service."""
        return engine.containers(self.project)

    def applied(self, service: str) -> Path:
        """Return the file that holds the hash of what a service has read last."""
        return self.base / APPLIED / service

    def record(self, names: list[str]) -> None:
        """Record what the named services have read, and everything that was started with its files."""
        for name in names:
            file = self.applied(name)
            file.parent.mkdir(mode=0o755, exist_ok=True)
            file.write_text(self.prints[name])

    def faults(self, name: str, written: Written) -> Iterator[tuple[str, str]]:
        """Yield what is to be done with a service that has containers, and why."""
        own = self.found[name]
        labels = [container["Config"]["Labels"] for container in own]
        if any(label.get(LABEL) != self.labels[name] for label in labels):
            yield "recreate", FILES
        elif any(label[engine.CONFIG_HASH] != written.hashes[name] for label in labels):
            yield "recreate", DEFINITION
        else:
            networks = written.config.get("networks", {})
            changed = [text for one in own for text in by_hand(one, written.service(name), networks)]
            if changed:
                yield "recreate", f"changed by hand: {', '.join(dict.fromkeys(changed))}"
        images = [(c, engine.image(c["Config"]["Image"])) for c in own]
        newer = [c for c, image in images if image and image["Id"] != c["Image"]]
        if newer:
            yield "recreate", f"{newer[0]['Config']['Image']} is another build than the one that runs"
        stopped = [c["State"]["Status"] for c in own if c["State"]["Status"] != "running"]
        if stopped:
            yield "up", ", ".join(stopped)
        wanted = self.services[name]["scale"]
        if len(own) != wanted:
            yield "up", f"{len(own)} containers instead of {wanted}"
        # A stopped service reads its files when it is started.
        if self.services[name]["reload"] and not stopped:
            file = self.applied(name)
            if not file.is_file() or file.read_text() != self.prints[name]:
                yield "reload", f"{FILES} since it read them"

    def differences(self, written: Written, only: Collection[str]) -> dict[str, list[tuple[str, str]]]:
        """Return for each of these services that differs what is to be done, and why, in the order of the services."""
        found: dict[str, list[tuple[str, str]]] = {}
        for name in self.services:
            if name in only:
                found[name] = (
                    list(self.faults(name, written)) if name in self.found else [("create", "has no container")]
                )
        return {name: faults for name, faults in found.items() if faults}

    def strangers(self) -> list[str]:
        """Name the services that have containers and are not written."""
        return [name for name in self.found if name not in self.services]


def moved(name: str, subnets: Collection[str]) -> bool:
    """Tell whether a network is there and has other subnets than it should."""
    for one in engine.get(engine.filtered("/networks", name=[name])):
        if one["Name"] == name:
            return {config["Subnet"] for config in one["IPAM"]["Config"] or []} != {
                str(ipaddress.ip_network(subnet)) for subnet in subnets
            }
    return False
