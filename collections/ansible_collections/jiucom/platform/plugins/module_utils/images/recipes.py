"""The recipes of files/images: read and packed on the control node."""

from __future__ import annotations

import hashlib
import io
import os
import re
import string
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_BASE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)
_PROMISE = re.compile(r"^LABEL io\.jiucom\.product=(\S+) io\.jiucom\.line=(\S+)$", re.MULTILINE)
_LEFT_OUT = {"__pycache__", "tests", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def _tree(root: Path, name: str) -> dict[str, Path]:
    """Map the name inside the build context of each file of a directory to the file."""
    return {
        f"{name}/{path.relative_to(root)}": path
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc" and not _LEFT_OUT & set(path.relative_to(root).parts)
    }


def files(recipes: Path, name: str, source: str = "") -> dict[str, Path]:
    """Return the files of a recipe by their names in the build context: what all share, its own, and its `source` directory."""
    found = _tree(recipes / "common", "common") | _tree(recipes / name, name)
    if source:
        found |= _tree(Path(source), name)
    return dict(sorted(found.items()))


def _executable(path: Path) -> bool:
    return bool(path.stat().st_mode & 0o100)


def checksum(content: Mapping[str, Path], extra: Iterable[str] = ()) -> str:
    """Return the sha256 of a recipe: names, contents and whether a file can be run, and what it is given beyond its files."""
    total = hashlib.sha256("\0".join(extra).encode())
    for name, path in content.items():
        total.update(f"{name}\0{_executable(path)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def read(
    recipes: Path, name: str, source: str = "", args: Mapping[str, str] | None = None, fault: str = ""
) -> dict[str, Any]:
    """Describe a recipe as `wanted.Recipe` has it. Raises ValueError where its Dockerfile does not say what it builds."""
    text = (recipes / name / "Dockerfile").read_text()
    base, promise = _BASE.search(text), _PROMISE.search(text)
    if not base or not promise:
        raise ValueError(
            f"{recipes / name / 'Dockerfile'} needs a line `ARG BASE=debian:<release>-slim` or `ARG BASE=<image>`, and a "
            "line `LABEL io.jiucom.product=<name> io.jiucom.line=<version>`"
        )
    args = dict(args or {})
    path, _, tag = base[1].partition(":")
    own = {"suite": tag.removesuffix("-slim")} if path == "debian" else {"base": path.rpartition("/")[2]}
    return {
        "name": name,
        "checksum": checksum(files(recipes, name, source), [f"{key}={args[key]}" for key in sorted(args)]),
        "product": promise[1],
        "line": string.Template(promise[2]).safe_substitute(args),
        "args": args,
        "fault": fault,
        **own,
    }


def artifact(file: Path) -> dict[str, str]:
    """Read an artifact.env: what a recipe needs from the control node."""
    return dict(re.findall(r"^(\w+)=(.+)$", file.read_text(), re.MULTILINE))


def pack(content: Mapping[str, Path], archive: Path) -> None:
    """Write a build context. The modes of the checkout do not reach it: a file can be read by all, and run where it was.

    It is written aside and moved in place: runs side by side share no half of it.
    """

    def entry(name: str, mode: int) -> tarfile.TarInfo:
        info = tarfile.TarInfo(name)
        info.mode = mode
        return info

    partial = archive.with_suffix(f".{os.getpid()}")
    with tarfile.open(partial, "w") as tar:
        for folder in sorted({str(parent) for name in content for parent in Path(name).parents} - {"."}):
            info = entry(folder, 0o755)
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        for name, path in content.items():
            info = entry(name, 0o755 if _executable(path) else 0o644)
            body = path.read_bytes()
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
    partial.replace(archive)
