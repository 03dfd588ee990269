"""What a restore replaces is moved aside, into a volume beside it, and can be moved back."""

from __future__ import annotations

from pathlib import Path

from jiucom_backup.docker import docker, volume
from jiucom_backup.settings import BackupError


def kept_name(name: str, stamp: str) -> str:
    """Return the name of the volume that keeps the old files, without the project's."""
    return f"{name}.before-{stamp}"


def move_aside(project: str, name: str, stamp: str) -> None:
    """Empty a volume: its files go to a volume beside it, by renaming, so that nothing is copied."""
    source = volume(project, name)
    if source is None:
        raise BackupError(f"there is no volume {project}_{name}: install first with ansible-playbook site.yml")
    docker("volume", "create", f"{project}_{kept_name(name, stamp)}")
    _move(source, _existing(project, kept_name(name, stamp)))


def move_back(project: str, name: str, stamp: str) -> None:
    """Undo `move_aside`: what is in the volume now is deleted."""
    kept, target = volume(project, kept_name(name, stamp)), _existing(project, name)
    if kept is None:
        return
    docker("volume", "create", f"{project}_{name}.discarded-{stamp}")
    _move(target, _existing(project, f"{name}.discarded-{stamp}"))
    _move(kept, target)
    docker("volume", "rm", f"{project}_{name}.discarded-{stamp}", f"{project}_{kept_name(name, stamp)}")


def _existing(project: str, name: str) -> Path:
    path = volume(project, name)
    if path is None:
        raise BackupError(f"there is no volume {project}_{name}")
    return path


def _move(source: Path, target: Path) -> None:
    for entry in sorted(source.iterdir()):
        entry.rename(target / entry.name)
