"""Files that are replaced as a whole: a reader sees the old one or the new one, never a part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def owner(path: Path) -> tuple[int, int, int]:
    """Return user, group and mode of a path."""
    status = path.stat()
    return status.st_uid, status.st_gid, status.st_mode & 0o7777


def settle(path: Path, uid: int, gid: int, mode: int) -> None:
    """Set owner and mode; -1 leaves user or group as they are."""
    os.chown(path, uid, gid)
    path.chmod(mode)


def replace(path: Path, content: bytes, uid: int, gid: int, mode: int, *, times: tuple[int, int] | None = None) -> None:
    """Write a file aside and move it in place. `times` are those of access and change (ns); None is now."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".new.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    settle(Path(aside), uid, gid, mode)
    if times:
        os.utime(aside, ns=times)
    Path(aside).replace(path)


def rewrite(path: Path, content: bytes) -> None:
    """Replace the content of a file that is there; owner and mode stay."""
    replace(path, content, *owner(path))
