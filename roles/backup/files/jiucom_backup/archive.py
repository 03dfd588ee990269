"""The archive: one tar file, whose last member is the manifest. What has no manifest was cut short.

    database.sql.gz                the dump
    volumes/<volume>/...           files of the data volumes
    installation/...               /opt/jiucom: compose.yaml, configuration, secrets
    manifest.json                  what it holds, from where, the checksum of each member

Beside it lies <name>.sha256, as `sha256sum --check` reads it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from jiucom_backup.settings import BackupError

FORMAT = 1
MANIFEST = "manifest.json"
DUMP = "database.sql.gz"
_BLOCK = 1 << 20


class _Hashing:
    """Reads exactly `size` bytes, and computes their checksum."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file, self._left, self.sum = file, size, hashlib.sha256()

    def read(self, count: int = -1) -> bytes:
        block = self._file.read(self._left if count < 0 else min(count, self._left))
        self._left -= len(block)
        self.sum.update(block)
        return block


class Writer:
    """Writes an archive beside its final name."""

    def __init__(self, path: Path) -> None:
        self.path, self._partial = path, path.with_name(f".{path.name}.part")
        descriptor = os.open(self._partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file = os.fdopen(descriptor, "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by finish
        self.files: dict[str, dict[str, Any]] = {}

    def add(self, name: str, source: Path) -> None:
        """Add a file as it is now; one that vanishes meanwhile is left out."""
        try:
            file = source.open("rb")
        except FileNotFoundError:
            return
        with file:
            status = os.fstat(file.fileno())
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = status.st_size, status.st_mtime, stat.S_IMODE(status.st_mode)
            info.uid, info.gid = status.st_uid, status.st_gid
            reader = _Hashing(file, status.st_size)
            try:
                self._tar.addfile(info, reader)
            except OSError as fault:
                raise BackupError(f"{source} cannot be saved: {fault}") from fault
        self.files[name] = {"size": status.st_size, "sha256": reader.sum.hexdigest()}

    def add_tree(self, name: str, root: Path, leave_out: tuple[str, ...] = ()) -> None:
        """Add the directories and regular files below a directory; links and sockets are left out."""
        for folder, directories, names in os.walk(root):
            relative = Path(folder).relative_to(root)
            directories[:] = sorted(one for one in directories if str(relative / one) not in leave_out)
            status = Path(folder).stat()
            info = tarfile.TarInfo(str(Path(name, relative)))
            info.type, info.mode, info.mtime = tarfile.DIRTYPE, stat.S_IMODE(status.st_mode), status.st_mtime
            info.uid, info.gid = status.st_uid, status.st_gid
            self._tar.addfile(info)
            for one in sorted(names):
                path = Path(folder, one)
                if path.is_file() and not path.is_symlink():
                    self.add(str(Path(name, relative, one)), path)

    def finish(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Write the manifest, and move the archive to its name; returns the whole manifest."""
        whole = {"format": FORMAT, "product": "jiucom", **manifest, "files": self.files}
        content = json.dumps(whole, indent=1, sort_keys=True).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sidecar = self.path.with_name(f"{self.path.name}.sha256")
        sidecar.write_text(f"{checksum(self._partial)}  {self.path.name}\n")
        self._partial.replace(self.path)
        return whole

    def discard(self) -> None:
        """Remove what was written."""
        self._file.close()
        self._partial.unlink(missing_ok=True)


class Reader:
    """An archive that is there. Raises BackupError for what is not one, or not a whole one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115 - open as long as the reader
            self._members = {member.name: member for member in self._tar.getmembers()}
        except (OSError, tarfile.TarError) as fault:
            raise BackupError(f"{path} is damaged, or no archive of ours: {fault}") from fault
        if MANIFEST not in self._members:
            raise BackupError(f"{path} has no manifest: it was cut short, or is no archive of ours")
        try:
            self.manifest: dict[str, Any] = json.loads(self._open(MANIFEST).read())
            if self.manifest["product"] != "jiucom" or self.manifest["format"] != FORMAT:
                raise BackupError(
                    f"{path} has format {self.manifest['format']} of {self.manifest['product']}; known is {FORMAT}"
                )
        except (ValueError, KeyError, TypeError, OSError, tarfile.TarError) as fault:
            raise BackupError(f"{path} has a damaged manifest: {fault}") from fault

    def _open(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(self._members[name])
        if file is None:
            raise BackupError(f"{self.path}: {name} is no file")
        return file

    def verify(self) -> None:
        """Compare every member with its checksum, and the file with the one beside it. Raises BackupError."""
        sidecar = self.path.with_name(f"{self.path.name}.sha256")
        if sidecar.exists() and sidecar.read_text().split()[:1] != [checksum(self.path)]:
            raise BackupError(f"{self.path} is damaged: its checksum is not that of {sidecar.name}")
        wanted = self.manifest["files"]
        there = {name for name, member in self._members.items() if not member.isdir()} - {MANIFEST}
        if there != set(wanted):
            raise BackupError(
                f"{self.path} is damaged: missing or not its own: {', '.join(sorted(there ^ set(wanted))[:5])}"
            )
        for name, expected in wanted.items():
            if self.sum(name) != expected["sha256"]:
                raise BackupError(f"{self.path} is damaged: the checksum of {name} differs")

    def sum(self, name: str) -> str:
        """Compute a member's checksum."""
        digest = hashlib.sha256()
        try:
            with self._open(name) as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
        except (OSError, tarfile.TarError) as fault:
            raise BackupError(f"{self.path} is damaged at {name}: {fault}") from fault
        return digest.hexdigest()

    def below(self, prefix: str) -> Iterator[tuple[str, tarfile.TarInfo]]:
        """Return the members below a directory of the archive, with their paths from there, directories first."""
        for name, member in self._members.items():
            path = Path(name)
            if path == Path(prefix) or Path(prefix) in path.parents:
                if ".." in path.parts or not (member.isfile() or member.isdir()):
                    raise BackupError(f"{self.path}: {name} is not what we write")
                yield str(path.relative_to(prefix)), member

    def extract(self, prefix: str, target: Path) -> int:
        """Write a directory of the archive into one on the host, with owners and modes; returns the number of files."""
        count = 0
        target.mkdir(parents=True, exist_ok=True)
        for relative, member in self.below(prefix):
            path = target / relative
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as file, self._open(member.name) as source:
                    shutil.copyfileobj(source, file, _BLOCK)
                count += 1
            os.chown(path, member.uid, member.gid)
            path.chmod(member.mode)
        return count

    def extract_file(self, name: str, target: Path) -> None:
        """Write one member into a file."""
        with target.open("wb") as file, self._open(name) as source:
            shutil.copyfileobj(source, file, _BLOCK)

    def close(self) -> None:
        """Close the file."""
        self._tar.close()


def checksum(path: Path) -> str:
    """Compute a file's checksum."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
