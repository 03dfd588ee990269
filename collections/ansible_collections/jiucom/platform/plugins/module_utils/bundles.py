"""Bundles for closed networks: sealed where they are made, and checked before anything of them is used.

A bundle is a directory. SHA256SUMS lists every file but itself and its signature, SHA256SUMS.sig is an SSH signature of it, and
bundle.json says what the bundle is for. Runs before the control node has an environment, with the standard library alone.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

# Raised when a checkout that does not know the layout must refuse it.
LAYOUT = 1
MANIFEST, SUMS, SIGNATURE = "bundle.json", "SHA256SUMS", "SHA256SUMS.sig"
# The namespace of the signatures (ssh-keygen -n). Signatures made for other namespaces are refused.
NAMESPACE = "jiucom-bundle"
_LINE = re.compile(r"([0-9a-f]{64})  (\S.*)")
# More lines say nothing new.
_MOST = 20


class SealError(Exception):
    """A bundle could not be signed; the text says why."""


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(directory: Path) -> Iterator[str]:
    """Yield the names of what is in a bundle, but for checksums and signature; of directories only what is in them."""
    for path in sorted(directory.rglob("*")):
        name = str(path.relative_to(directory))
        if (path.is_symlink() or not path.is_dir()) and name not in (SUMS, SIGNATURE):
            yield name


def seal(directory: Path, key: str = "") -> None:
    """Write SHA256SUMS, and sign it where a private key is given. Raises SealError."""
    lines = [f"{sha256(directory / name)}  {name}\n" for name in _names(directory)]
    (directory / SUMS).write_text("".join(lines))
    if key:
        command = ["ssh-keygen", "-Y", "sign", "-f", key, "-n", NAMESPACE, str(directory / SUMS)]
        said = _run(command)
        if said.returncode:
            raise SealError(f"ssh-keygen could not sign with {key}: {said.stderr.strip()}")


def _run(command: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return subprocess.CompletedProcess(command, 127, "", "ssh-keygen is missing: install openssh-client")


def _signature_fault(directory: Path, signers: str) -> str:
    """Say why the signature does not count; empty when one of the signers has made it."""
    allowed, signature = Path(signers).expanduser(), directory / SIGNATURE
    if not allowed.is_file():
        return (
            f"{allowed} is missing: write a line into it for each key whose bundles you trust, `NAME KEY`, the key as in "
            "id_ed25519.pub; another file is named by BUNDLE_SIGNERS or platform_bundle_signers"
        )
    found = _run(["ssh-keygen", "-Y", "find-principals", "-f", str(allowed), "-s", str(signature)])
    said = found
    if not found.returncode:
        who = ["-I", found.stdout.split("\n", 1)[0], "-n", NAMESPACE]
        command = ["ssh-keygen", "-Y", "verify", "-f", str(allowed), *who, "-s", str(signature)]
        said = _run(command, (directory / SUMS).read_text())
    if not said.returncode:
        return ""
    return f"{signature} is no signature of {SUMS} by a key of {allowed}: {said.stderr.strip() or said.stdout.strip()}"


def _file_fault(directory: Path, name: str, wanted: str) -> str:
    path = directory / name
    if path.is_symlink() or not path.is_file():
        return f"{path} is missing" if not path.is_symlink() else f"{path} is a link, and a bundle has none"
    try:
        return "" if sha256(path) == wanted else f"{path} is damaged: its checksum is another than {SUMS} says"
    except OSError as fault:
        return f"{path} cannot be read: {fault.strerror}"


def faults(directory: str, signers: str) -> list[str]:
    """List why a bundle is refused, a line for each file: damaged, missing, not listed, or not signed. Reads every file once."""
    root = Path(directory).expanduser()
    if not root.is_absolute() or not root.is_dir():
        return [f"{root} is no directory: name that of a bundle by its whole path, a tar file's after unpacking it"]
    for name, state in ((SUMS, "this is no complete bundle"), (SIGNATURE, "the bundle is not signed")):
        if not (root / name).is_file():
            return [f"{root / name} is missing: {state}"]
    fault = _signature_fault(root, signers)
    if fault:
        return [fault]
    listed = {found[2]: found[1] for found in map(_LINE.fullmatch, (root / SUMS).read_text().splitlines()) if found}
    with ThreadPoolExecutor() as pool:
        found = [fault for fault in pool.map(lambda name: _file_fault(root, name, listed[name]), listed) if fault]
    found += [f"{root / name} is not listed in {SUMS}: remove it" for name in _names(root) if name not in listed]
    if found:
        more = [f"... and {len(found) - _MOST} more"] if len(found) > _MOST else []
        return [*found[:_MOST], *more, "Copy the bundle anew: nothing was touched"]
    try:
        manifest(directory)
    except ValueError as refusal:
        return [str(refusal)]
    return []


def manifest(directory: str) -> dict[str, Any]:
    """Read what a bundle is for. Raises ValueError where this checkout does not know its layout."""
    path = Path(directory).expanduser() / MANIFEST
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        layout = int(found["layout"])
    except (OSError, ValueError, KeyError) as fault:
        raise ValueError(f"{path} cannot be read: {fault}") from fault
    if layout > LAYOUT:
        raise ValueError(f"{path}: made by a newer checkout (layout {layout}, known is {LAYOUT}): use the bundle's own")
    return found
