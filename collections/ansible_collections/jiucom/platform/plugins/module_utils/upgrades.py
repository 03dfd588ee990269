"""Copies that an upgrade makes of a service's files, definition and volumes, to put the service back from.

It lies in `.upgrades/<service>` of the installation. Files are kept of all services of the role, which writes them in one step.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils import engine
from ansible_collections.jiucom.platform.plugins.module_utils.comparison import APPLIED, FRAGMENTS
from ansible_collections.jiucom.platform.plugins.module_utils.compose_file import block
from ansible_collections.jiucom.platform.plugins.module_utils.edits import Edits
from ansible_collections.jiucom.platform.plugins.module_utils.files import rewrite
from ansible_collections.jiucom.platform.plugins.module_utils.rollout.gateway import run

# Beside the directories of the services, what is written for each of them.
_BESIDE = (f"{FRAGMENTS}/{{}}.yaml", f"{APPLIED}/{{}}")


class VolumeError(RuntimeError):
    """A volume or a file cannot be copied or put back."""


def volume(name: str) -> Path:
    """Return the directory of a volume. Raises EngineError."""
    return Path(engine.get(f"/volumes/{name}")["Mountpoint"])


def volume_exists(name: str) -> bool:
    """Say whether there is a volume of this name."""
    return run("docker", "volume", "inspect", name).returncode == 0


def size(directory: Path) -> int:
    """Return the bytes that a directory takes on its disk."""
    return sum(path.lstat().st_blocks * 512 for path in directory.rglob("*"))


def _docker(*arguments: str) -> None:
    done = run("docker", *arguments)
    if done.returncode:
        raise VolumeError(f"docker {' '.join(arguments)}: {done.stderr.strip()}")


def copy_volume(name: str, copy: str) -> None:
    """Copy a volume that is not in use; part of a copy does not stay. Raises VolumeError."""
    _docker("volume", "create", copy)
    try:
        done = run("cp", "--archive", "--reflink=auto", f"{volume(name)}/.", f"{volume(copy)}/")
        if done.returncode:
            raise VolumeError(f"the copy of volume {name}: {done.stderr.strip()}")
    except BaseException:
        remove_volume(copy)
        raise


def exchange_volume(name: str, copy: str, after: str) -> None:
    """Put a copy in the place of a volume's content, which goes to the new volume `after`. Nothing is copied."""
    _docker("volume", "create", after)
    for source, target in ((name, after), (copy, name)):
        for entry in sorted(volume(source).iterdir()):
            entry.rename(volume(target) / entry.name)
    _docker("volume", "rm", copy)


def remove_volume(name: str) -> None:
    """Remove a volume that nothing uses."""
    _docker("volume", "rm", "--force", name)


def bring_back(saved: Path, place: Path) -> None:
    """Make the files of a directory what was saved of them. Directories stay: containers have them mounted."""
    wanted = {path.relative_to(saved) for path in saved.rglob("*") if path.is_file()}
    for path in [path for path in place.rglob("*") if path.is_file()]:
        if path.relative_to(place) not in wanted:
            path.unlink()
    for name in wanted:
        _bring_back_file(saved / name, place / name)


def _bring_back_file(saved: Path, place: Path) -> None:
    before = saved.stat()
    if place.is_file() and place.stat().st_mtime_ns == before.st_mtime_ns and place.read_bytes() == saved.read_bytes():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    aside = place.with_name(f".{place.name}.back")
    shutil.copy2(saved, aside)
    os.chown(aside, before.st_uid, before.st_gid)
    aside.replace(place)


class Kept:
    """The copies of one service."""

    def __init__(self, base: Path, service: str) -> None:
        self.base, self.service = base, service
        self.directory = base / ".upgrades" / service
        # The copies of the upgrade before, kept until this one has succeeded.
        self.earlier = self.directory.with_name(f".{service}.earlier")

    def read(self) -> dict[str, Any]:
        """Return what is known of it; empty where nothing is kept."""
        try:
            found: dict[str, Any] = json.loads((self.directory / "state.json").read_text())
        except FileNotFoundError:
            return {}
        return found

    def note(self, **values: Any) -> None:
        """Add to what is known."""
        file = self.directory / "state.json"
        rewrite(file, json.dumps(self.read() | values, indent=1).encode())

    def save(self, container: dict[str, Any], services: Iterable[str], version: str) -> None:
        """Keep what runs, and the files of these services. What an interrupted upgrade has kept stays as long as that runs."""
        before = self.read()
        if before.get("unfinished") and before["container"] == container["Id"]:
            return
        aside = self.directory.with_name(f".{self.service}.new")
        shutil.rmtree(aside, ignore_errors=True)
        (aside / "files").mkdir(parents=True, mode=0o700)
        aside.parent.chmod(0o700)
        text = (self.base / "compose.yaml").read_text()
        blocks = {}
        for name in services:
            blocks[name] = block(text, name)
            for path in (name, *(pattern.format(name) for pattern in _BESIDE)):
                if (self.base / path).exists():
                    (aside / "files" / path).parent.mkdir(exist_ok=True)
                    done = run("cp", "--archive", str(self.base / path), str(aside / "files" / path))
                    if done.returncode:
                        raise VolumeError(f"the copy of {self.base / path}: {done.stderr.strip()}")
        state = {
            "container": container["Id"],
            "image": container["Config"]["Image"],
            "image_id": container["Image"],
            "version": version,
            "blocks": blocks,
            "volumes": {},
            "stamp": f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}",
            "unfinished": True,
        }
        (aside / "state.json").touch(mode=0o600)
        (aside / "state.json").write_text(json.dumps(state, indent=1))
        if before.get("unfinished") is False:
            shutil.rmtree(self.earlier, ignore_errors=True)
            self.directory.rename(self.earlier)
        shutil.rmtree(self.directory, ignore_errors=True)
        aside.rename(self.directory)

    def finish(self) -> None:
        """Note that the upgrade has succeeded."""
        self.note(unfinished=False)
        shutil.rmtree(self.earlier, ignore_errors=True)

    def forget(self) -> None:
        """Forget the present upgrade; what the one before it has kept counts again."""
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.earlier.is_dir():
            self.earlier.rename(self.directory)

    def restore_files(self) -> None:
        """Put files and definition back."""
        state, compose, edits = self.read(), self.base / "compose.yaml", Edits(self.base)
        text = compose.read_text()
        for name, saved in state["blocks"].items():
            for path in (name, *(pattern.format(name) for pattern in _BESIDE)):
                source = self.directory / "files" / path
                if source.is_dir():
                    bring_back(source, self.base / path)
                    for file in source.rglob("*"):
                        if file.is_file() and file.relative_to(source).parts[0] != "secrets":
                            edits.written(self.base / path / file.relative_to(source), file.read_bytes())
                elif source.is_file():
                    _bring_back_file(source, self.base / path)
            present = block(text, name)
            if saved and present:
                text = text.replace(present, saved)
        rewrite(compose, text.encode())
        edits.written(compose, text.encode())
        edits.close()
