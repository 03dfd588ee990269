"""Archives as they should not be."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jiucom_backup.archive import MANIFEST

Manifest = dict[str, Any]


def with_manifest(archive: Path, folder: Path, change: Callable[[Manifest], object]) -> Path:
    """Copy an archive, with another manifest."""
    copy = folder / archive.name
    with tarfile.open(archive) as source, tarfile.open(copy, "w") as target:
        for member in source.getmembers():
            content = source.extractfile(member)
            if member.name == MANIFEST:
                assert content
                manifest = json.load(content)
                change(manifest)
                text = json.dumps(manifest).encode()
                member.size = len(text)
                content = io.BytesIO(text)
            target.addfile(member, content)
    return copy


def damaged(archive: Path, folder: Path) -> Path:
    """Copy an archive with one byte changed in the middle of its dump."""
    copy = folder / archive.name
    shutil.copy(archive, copy)
    with tarfile.open(copy) as tar:
        position = tar.getmember("database.sql.gz").offset_data + 100
    with copy.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(bytes([byte ^ 1]))
    return copy


def cut(archive: Path, folder: Path, share: float = 0.7) -> Path:
    """Copy the beginning of an archive."""
    copy = folder / archive.name
    content = archive.read_bytes()
    copy.write_bytes(content[: int(len(content) * share) // 512 * 512])
    return copy
