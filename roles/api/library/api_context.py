#!/usr/bin/python
"""Pack the API's source and wheels into one archive, named by the checksum of its content."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: api_context
short_description: Pack the API's source and wheels
description:
  - Makes C(<wheels>-<checksum>.tar) in O(cache), and removes older archives of the same wheels. The same content gives the same
    archive, byte for byte.
  - The archive holds a C(MANIFEST) of sha256 sums, by which M(api_context_state) compares a host's copy.
options:
  source: {type: path, required: true, description: Directory of the API.}
  wheels: {type: path, required: true, description: Directory of the downloaded wheels.}
  cache: {type: path, required: true, description: Where the archive goes.}
author: [JIUCOM]
"""
EXAMPLES = "- api_context: {source: api, wheels: .cache/api/wheels, cache: .cache/api}"
RETURN = r"""
checksum: {type: str, returned: always, description: sha256 over the manifest.}
archive: {type: str, returned: always, description: Path of the archive.}
"""

LEFT_OUT = {"__pycache__", "tests", "testing", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}


def content(source: Path, wheels: Path) -> dict[str, Path]:
    """Map each name inside the archive to the file it comes from, in sorted order."""
    found = {
        str(path.relative_to(source)): path
        for path in source.rglob("*")
        if path.is_file() and not LEFT_OUT & set(path.relative_to(source).parts) and path.suffix != ".pyc"
    }
    found |= {f"wheels/{path.name}": path for path in wheels.iterdir()}
    return dict(sorted(found.items()))


def pack(files: dict[str, Path], sums: dict[str, str], manifest: str, archive: Path) -> None:
    """Write the archive aside and move it in place: an interrupted run leaves no half of one, runs side by side share none.

    A file's time follows from its content: Docker's builder takes one of the same size and time for the one that it has already.
    """

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = int(sums.get(info.name, "0")[:7], 16)
        info.mode = 0o755 if info.isdir() or info.mode & 0o100 else 0o644
        return info

    partial = archive.with_suffix(f".{os.getpid()}")
    # Directories too: the host would make those that are missing under its own umask, and the image takes their modes.
    folders = {str(folder) for name in files for folder in Path(name).parents} - {"."}
    with tarfile.open(partial, "w") as tar:
        for folder in sorted(folders):
            entry = tarfile.TarInfo(folder)
            entry.type = tarfile.DIRTYPE
            tar.addfile(plain(entry))
        for name, path in files.items():
            tar.add(path, name, filter=plain)
        listing = tarfile.TarInfo("MANIFEST")
        listing.size = len(manifest.encode())
        tar.addfile(plain(listing), io.BytesIO(manifest.encode()))
    partial.replace(archive)


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        {name: {"type": "path", "required": True} for name in ("source", "wheels", "cache")}, supports_check_mode=True
    )
    source, wheels, cache = (Path(module.params[name]).resolve() for name in ("source", "wheels", "cache"))
    files = content(source, wheels)
    sums = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()}
    manifest = json.dumps(sums, indent=0, sort_keys=True)
    checksum = hashlib.sha256(manifest.encode()).hexdigest()
    # Hosts of another architecture have other wheels, and an archive of their own.
    archive = cache / f"{wheels.name}-{checksum[:12]}.tar"
    if not archive.exists():
        cache.mkdir(parents=True, exist_ok=True)
        pack(files, sums, manifest, archive)
        for old in cache.glob(f"{wheels.name}-*.tar"):
            if old != archive:
                old.unlink()
    module.exit_json(changed=False, checksum=checksum, archive=str(archive))


if __name__ == "__main__":
    main()
