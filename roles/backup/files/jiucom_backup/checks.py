"""What is refused before a restore touches anything."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from jiucom_backup.docker import docker, volume
from jiucom_backup.services import services
from jiucom_backup.settings import REDIS_VOLUMES, VOLUMES, BackupError, Settings

# An archive needs its own size, the loaded tables, and the transactions of loading them.
ROOM = 3


def faults(settings: Settings, manifest: dict[str, Any], *, foreign: bool) -> list[str]:
    """Return why this archive must not be restored here, a line each."""
    return [
        fault
        for fault in (
            _foreign(settings, manifest, foreign),
            _other_schema(settings, manifest),
            _other_version(manifest["database"]["version"], server_version(settings), settings.lines),
            _newer_schema(settings, manifest),
            no_room(settings, manifest),
        )
        if fault
    ]


def _foreign(settings: Settings, manifest: dict[str, Any], allowed: bool) -> str:
    file = settings.store / ".installation"
    # A host without a name of its own has made no archive: it may take any.
    if allowed or not file.exists() or file.read_text().strip() == manifest["installation"]:
        return ""
    return (
        f"the archive is of another installation ({manifest['project']} on {manifest['host']}), and this one has archives of "
        "its own: if that is meant, add -e foreign=true"
    )


def _other_schema(settings: Settings, manifest: dict[str, Any]) -> str:
    name = manifest["database"]["name"]
    return (
        ""
        if name == settings.database
        else f"the archive holds the schema {name}: set database_name to it, or take another"
    )


def server_version(settings: Settings) -> str:
    """Return the version of the MySQL that is defined here."""
    image = services(settings).image("mysql")
    output = docker("run", "--rm", "--network", "none", "--entrypoint", "mysqld", image, "--version")
    match = re.search(r"Ver (\d+\.\d+\.\d+)", output)
    if not match:
        raise BackupError(f"mysqld --version says {output.strip()!r}, which names no version")
    return match[1]


def _other_version(source: str, target: str, lines: dict[str, dict[str, Any]]) -> str:
    old, new = _numbers(source), _numbers(target)
    line, next_line = ".".join(map(str, old[:2])), ".".join(map(str, new[:2]))
    if line == next_line:
        return (
            ""
            if new >= old
            else f"the archive is of MySQL {source}, newer than {target}: set platform_images_overrides"
        )
    if next_line in lines.get(line, {}).get("next", []):
        return ""
    return (
        f"the archive is of MySQL {source}, and this host has {target}: "
        f"restore it with {line} (platform_images_overrides), then upgrade"
    )


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])


def _newer_schema(settings: Settings, manifest: dict[str, Any]) -> str:
    revision = manifest["database"]["revision"]
    if not settings.revision or revision <= settings.revision:
        return ""
    return (
        f"the tables are of revision {revision}, and the API here knows {settings.revision}: deploy a newer API first"
    )


def no_room(settings: Settings, manifest: dict[str, Any]) -> str:
    """Return what is wrong where the volumes have too little room for an archive."""
    sizes = [file["size"] for name, file in manifest["files"].items() if name.startswith("volumes/")]
    needed = ROOM * (sum(sizes) + manifest["database"]["bytes"])
    where = volume(settings.project, "mysql-data") or Path("/")
    free = shutil.disk_usage(where).free
    if free >= needed:
        return ""
    return f"{where} has {free >> 20} MB free, and three times the archive's {needed // ROOM >> 20} MB are needed: make room"


def volumes(manifest: dict[str, Any]) -> list[str]:
    """Return the volumes that an archive replaces."""
    names = {name.split("/")[1] for name in manifest["files"] if name.startswith("volumes/")}
    return ["mysql-data", *(name for name in VOLUMES if name in names)]


def replaced(settings: Settings, manifest: dict[str, Any]) -> list[str]:
    """Return the volumes whose files are moved aside: those of the archive, and Redis's, whose answers would be old."""
    names = volumes(manifest)
    return names + [name for name in REDIS_VOLUMES if name not in names and volume(settings.project, name)]
