"""Files and directories that appear as a whole: a reader sees the old one or the new one, never a part."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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


@contextmanager
def made_aside(target: Path, is_complete: Callable[[], bool]) -> Iterator[Path]:
    """Give an empty directory, which becomes `target` at the end of the block, and goes when the block raises.

    `is_complete` says whether a directory that another run has moved there meanwhile is as good; otherwise OSError is raised.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=f"{target.name}."))
    try:
        yield aside
        aside.chmod(0o755)
        try:
            aside.rename(target)
        except OSError:
            if not is_complete():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
