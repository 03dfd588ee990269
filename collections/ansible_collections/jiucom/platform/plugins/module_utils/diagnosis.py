"""Shared by the diagnosis modules of the roles: the type of a fault, and a list of looks that run independently of each other.

A look is a function that yields faults of the live system and changes nothing. What they find is a fact, findings_<role>.
The filter `finding_lines` leaves out what another fault explains, and writes the rest for people.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.jiucom.platform.plugins.module_utils import engine

SEEN = 600


@dataclass(frozen=True)
class Fault:
    """One fault: its name, the service that has it (or host, docker), the text that shows it, and what to type."""

    name: str
    service: str
    seen: str
    type: str
    # Services whose faults explain this one: it is left out where one of them has a fault.
    because_of: tuple[str, ...] = ()
    # Left out where another fault of the same service says more.
    generic: bool = False


Look = Callable[[dict[str, Any]], Iterable[Fault]]


def short(text: str) -> str:
    """Write a text on one line, the end of it where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= SEEN else f"... {line[-SEEN:]}"


@dataclass
class Diagnosis:
    """The looks of one role."""

    role: str
    looks: list[Look] = field(default_factory=list)

    def look(self, function: Look) -> Look:
        """Register a look."""
        self.looks.append(function)
        return function

    def findings(self, expected: dict[str, Any]) -> list[Fault]:
        """Collect what every look finds."""
        found: list[Fault] = []
        for look in self.looks:
            try:
                found += look(expected)
            except engine.EngineError as fault:
                # Role docker says that it does not answer; a container may be removed while it is looked at.
                if fault.status not in (0, 404):
                    found.append(self.unseen(look, fault))
            except Exception as fault:
                found.append(self.unseen(look, fault))
        return found

    def unseen(self, look: Look, fault: Exception) -> Fault:
        """Say that a look could not be had, so that its silence is not taken for health."""
        return Fault(
            "not looked at", self.role, f"{look.__name__}: {type(fault).__name__}: {fault}", "docker compose ps"
        )

    def run(self) -> None:
        """Run as an Ansible module.

        Each look gets `expected`, what it compares with, and in the same mapping `secrets`, which Ansible never prints.
        """
        module = AnsibleModule(
            {"expected": {"type": "dict", "default": {}}, "secrets": {"type": "dict", "default": {}, "no_log": True}},
            supports_check_mode=True,
        )
        found = self.findings(module.params["expected"] | module.params["secrets"])
        facts = [asdict(fault) | {"seen": short(fault.seen)} for fault in found]
        module.exit_json(changed=False, ansible_facts={f"findings_{self.role}": facts})


def running(project: str, service: str) -> list[dict[str, Any]]:
    """Inspect the running containers of a service."""
    return [one for one in engine.containers(project).get(service, []) if one["State"]["Status"] == "running"]


def healthy(project: str, service: str) -> list[dict[str, Any]]:
    """Inspect the healthy containers of a service: of others role stack tells."""
    found = running(project, service)
    return [one for one in found if (one["State"].get("Health") or {}).get("Status") == "healthy"]


def inside(container: str, *command: str, given: str = "") -> tuple[int, str]:
    """Run a command in a container; returns its code and what it said. `given` is its input, which no list of processes shows."""
    run = subprocess.run(
        ["docker", "exec", "-i", container, *command],
        input=given, capture_output=True, text=True, errors="replace", timeout=30, check=False,
    )  # fmt: skip
    return run.returncode, run.stdout + run.stderr


def log(container: str, lines: int = 200) -> list[str]:
    """Return the last lines of a container's log."""
    run = subprocess.run(
        ["docker", "logs", "--tail", str(lines), container],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=30, check=False,
    )  # fmt: skip
    return run.stdout.splitlines()
