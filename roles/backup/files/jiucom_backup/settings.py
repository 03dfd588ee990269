"""What the role has written for this installation, and where things lie."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# The data volumes of an archive, by the name they have in compose.yaml.
VOLUMES = ("uploads", "redis-data", "grafana-data")
# Those of Redis's servers. What a cluster keeps in them can be made again: no archive has it, and a restore empties them.
REDIS_VOLUMES = ("redis-data", *(f"redis-{number}-data" for number in range(2, 7)))


class BackupError(Exception):
    """An error for the operator, with what to type."""


class NotShippedError(BackupError):
    """Everything is saved on this host, and not elsewhere."""


@dataclass(frozen=True)
class Settings:
    """config.json, which the role `backup` writes."""

    project: str
    directory: Path
    database: str
    store: Path
    keep: dict[str, int]
    # The release lines of MySQL, with those that a line's data may go to (`next`).
    lines: dict[str, dict[str, Any]]
    # The newest revision of the tables that the API here knows.
    revision: str = ""
    # Read replicas of MySQL that the dump may be read from.
    replicas: list[str] = field(default_factory=list)
    # Where archives and logs are shipped to; empty where nowhere.
    ship: dict[str, Any] = field(default_factory=dict)
    # How often binary logs are copied and shipped, and for how many days kept.
    binlog: dict[str, int] = field(default_factory=lambda: {"copy_seconds": 10, "ship_seconds": 60, "days": 8})

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read the file. Raises BackupError."""
        try:
            values = json.loads(path.read_text())
        except (OSError, ValueError) as fault:
            raise BackupError(f"{path} cannot be read ({fault}): ansible-playbook site.yml --tags backup") from fault
        return cls(**{**values, "directory": Path(values["directory"]), "store": Path(values["store"])})

    @property
    def home(self) -> Path:
        """Where the program, its configuration and its metrics lie."""
        return self.directory / "backup"

    def secret(self, service: str, name: str) -> str:
        """Read a secret of a service."""
        try:
            return (self.directory / service / "secrets" / name).read_text()
        except OSError as fault:
            raise BackupError(f"{fault}: ansible-playbook site.yml") from fault
