"""Edits by hand: known by what a run has written last, and saved as a dated diff before a run overwrites them.

`.written.json` in the directory of the installation has hashes by path; the diffs lie in `.edits`.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from ansible_collections.jiucom.platform.plugins.module_utils.files import replace


class Edits:
    """The files of one installation that hold no secrets."""

    def __init__(self, base: Path) -> None:
        self.base, self.file = base, base / ".written.json"
        self.hashes: dict[str, list[str]] = json.loads(self.file.read_text()) if self.file.is_file() else {}
        self.diffs = base / ".edits" / f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}.diff"

    def written(self, path: Path, *contents: bytes) -> None:
        """Note what a run has written to a file; several contents where one of them will be there."""
        self.hashes[str(path.relative_to(self.base))] = [hashlib.sha256(content).hexdigest() for content in contents]

    def forget(self, service: str, kept: Collection[str] = ()) -> None:
        """Forget the files of a service that are not written any more; `kept` are the paths of those that are."""
        names = {f"{service}/{path}" for path in kept}
        self.hashes = {
            path: known for path, known in self.hashes.items() if path in names or not path.startswith(f"{service}/")
        }

    def save(self, path: Path, content: bytes) -> str:
        """Save what was edited in a file that is about to get this content; returns the diff's path, empty without an edit."""
        known = self.hashes.get(str(path.relative_to(self.base)))
        if not known or not path.is_file():
            return ""
        present = path.read_bytes()
        if present == content or hashlib.sha256(present).hexdigest() in known:
            return ""
        before, after = (text.decode(errors="replace").splitlines(keepends=True) for text in (content, present))
        lines = difflib.unified_diff(before, after, f"{path} as it is written now", f"{path} as it was edited")
        self.diffs.parent.mkdir(mode=0o700, exist_ok=True)
        self.diffs.touch(mode=0o600)
        with self.diffs.open("a") as file:
            file.writelines(line if line.endswith("\n") else f"{line}\n" for line in lines)
        return str(self.diffs)

    def close(self) -> None:
        """Keep what was noted."""
        if self.base.is_dir():
            replace(self.file, (json.dumps(self.hashes, indent=1, sort_keys=True) + "\n").encode(), -1, -1, 0o600)
