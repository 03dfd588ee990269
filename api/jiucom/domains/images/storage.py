"""Image files below one directory. Blocks: call it in a thread."""

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

from jiucom.domains.images.schemas import DIRECTORIES

_NAME = re.compile(r"[0-9a-f]{32}\.(?:jpg|png|webp)", re.ASCII)


class Storage:
    """Files by directory and name. A file appears whole or not at all."""

    def __init__(self, root: str) -> None:
        self._root = Path(root)

    def path(self, directory: str, name: str) -> Path | None:
        """Where a file of that name would be; None for invalid names."""
        if directory not in DIRECTORIES or not _NAME.fullmatch(name):
            return None
        return self._root / directory / name

    def write(self, directory: str, name: str, data: bytes) -> None:
        """Store. Raises OSError."""
        folder = self._root / directory
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f".{name}.part"
        try:
            with unfinished.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(folder / name)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise

    def remove(self, directory: str, name: str) -> None:
        """Remove, if it is there."""
        if path := self.path(directory, name):
            path.unlink(missing_ok=True)

    def older_than(self, seconds: float) -> Iterator[tuple[str, str]]:
        """Directory and name of every file (unfinished ones too) that was written longer ago."""
        limit = time.time() - seconds
        for directory in DIRECTORIES:
            folder = self._root / directory
            for entry in os.scandir(folder) if folder.is_dir() else ():
                if entry.is_file(follow_symlinks=False) and entry.stat().st_mtime < limit:
                    yield directory, entry.name

    def remove_stray(self, directory: str, name: str) -> None:
        """Remove what `older_than` found, under any name."""
        (self._root / directory / name).unlink(missing_ok=True)
