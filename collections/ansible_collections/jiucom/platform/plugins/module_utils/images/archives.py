"""Lists the images in archives made by `docker save`, read on the control node."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

# An image's description is small; its layers are not read.
_SMALL = 1024**2
_PATTERNS = ("*.tar", "*.tar.gz", "*.tgz")


def _read(path: Path) -> dict[str, Any]:
    """Describe one archive: its unpacked size and its images. Raises ValueError for what is none."""
    texts: dict[str, bytes] = {}
    size = 0
    try:
        # One pass: going back in a compressed archive means to unpack it again.
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                size += member.size
                content = archive.extractfile(member) if member.size <= _SMALL else None
                if content:
                    texts[member.name.removeprefix("./")] = content.read()
        images = []
        for entry in json.loads(texts["manifest.json"]):
            described = json.loads(texts[entry["Config"].removeprefix("./")])
            config = {key: described.get("config", {}).get(key) for key in ("Labels", "Env")}
            layers = described.get("rootfs", {}).get("diff_ids") or []
            images.append({"names": entry.get("RepoTags") or [], "config": config, "layers": layers})
    except (tarfile.TarError, KeyError, ValueError, OSError, EOFError) as fault:
        raise ValueError(f"{path} is no archive made by `docker save`: {fault!r}") from fault
    return {"size": path.stat().st_size, "unpacked": size, "images": images}


def index(directory: str, cache: Path) -> dict[str, dict[str, Any]]:
    """Describe the archives of a directory by their paths. No directory, no archives.

    What was read is kept in the file `cache`, so that an unchanged archive is read once. Raises ValueError for a file that is no
    archive: a broken one must not pass for an empty one.
    """
    try:
        known = json.loads(cache.read_text())
    except (OSError, ValueError):
        known = {}
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(path for pattern in _PATTERNS for path in Path(directory).expanduser().glob(pattern)):
        status = path.stat()
        key = f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"
        found[key] = known.get(key) or {"path": str(path.resolve()), **_read(path)}
    if found != known and found:
        cache.parent.mkdir(parents=True, exist_ok=True)
        aside = cache.with_suffix(f".{os.getpid()}")
        aside.write_text(json.dumps(found))
        aside.replace(cache)
    return {entry["path"]: entry for entry in found.values()}
