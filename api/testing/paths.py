"""Directories of tests that users of containers have to pass."""

import stat
from pathlib import Path

_OTHERS = stat.S_IROTH | stat.S_IXOTH


def let_pass(directory: Path) -> None:
    """Let every user read a directory and the two above it, such as pytest's. Takes no right away: /tmp stays open to all."""
    for path in (directory, *directory.parents[:2]):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OTHERS != _OTHERS:
            path.chmod(mode | 0o055)
