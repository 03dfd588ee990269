"""Shipping to another host: each file encrypted by age for the operator's key, sent by rsync over SSH, compared there.

The other host needs nothing but rsync, and learns nothing; this host cannot read what it has shipped. What the policy removes
here is removed there by its name; a host that has lost its archives removes nothing.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from jiucom_backup import store, stream, uploads
from jiucom_backup.settings import BackupError, NotShippedError, Settings

SUFFIX = ".age"


def archives(settings: Settings, state: store.State) -> None:
    """Ship the archives that are not shipped yet, the oldest first. Raises NotShippedError."""
    if not settings.ship:
        return
    waiting = [path for path in reversed(store.archives(settings.store)) if not _marker(path).exists()]
    state.update(backup_unshipped=len(waiting))
    for number, path in enumerate(waiting, start=1):
        with tempfile.TemporaryDirectory(prefix=".ship.", dir=settings.store) as aside:
            encrypted = Path(aside, path.name + SUFFIX)
            encrypt(settings, path, encrypted)
            _send(settings, Path(aside), "")
        _marker(path).touch()
        state.update(
            backup_unshipped=len(waiting) - number, backup_shipped_timestamp_seconds=store.date_of(path).timestamp()
        )
    _forget_archives(settings)


def _marker(path: Path) -> Path:
    return path.with_name(f"{path.name}.shipped")


def _forget_archives(settings: Settings) -> None:
    record = settings.store / ".shipped.json"
    known: list[str] = json.loads(record.read_text()) if record.exists() else []
    there = [path.name + SUFFIX for path in store.archives(settings.store)]
    gone = [name for name in known if name not in there]
    _remove(settings, "", gone)
    record.write_text(json.dumps(there))


def logs(settings: Settings, folder: Path) -> None:
    """Ship what the copies of the binary logs have grown by, as a file for each piece. Raises NotShippedError."""
    record = folder / ".shipped.json"
    known: dict[str, Any] = json.loads(record.read_text()) if record.exists() else {"sizes": {}, "pieces": {}}
    below = f"binlog/{folder.name}"
    sizes = {path.name: path.stat().st_size for path in stream.files(folder)}
    with tempfile.TemporaryDirectory(prefix=".ship.", dir=settings.store) as aside:
        for name, size in sizes.items():
            begin = known["sizes"].get(name, 0)
            if size > begin:
                piece, encrypted = Path(aside, "piece"), Path(aside, f"{name}.{begin:012}{SUFFIX}")
                with (folder / name).open("rb") as source, piece.open("wb") as target:
                    source.seek(begin)
                    target.write(source.read(size - begin))
                encrypt(settings, piece, encrypted)
                piece.unlink()
                known["pieces"][encrypted.name] = time.time()
        if any(Path(aside).iterdir()):
            _send(settings, Path(aside), below)
    limit = time.time() - settings.binlog["days"] * 86400
    old = [name for name, when in known["pieces"].items() if when < limit]
    _remove(settings, below, old)
    record.write_text(
        json.dumps(
            {"sizes": sizes, "pieces": {name: when for name, when in known["pieces"].items() if name not in old}}
        )
    )


def new_uploads(settings: Settings) -> None:
    """Ship the copied uploads that are not shipped yet. Raises NotShippedError."""
    record = settings.store / ".shipped-uploads.json"
    known: list[str] = json.loads(record.read_text()) if record.exists() else []
    folder = uploads.directory(settings)
    there = [str(path.relative_to(folder)) for path in uploads.files(folder)]
    new = sorted(set(there) - set(known))
    if new:
        with tempfile.TemporaryDirectory(prefix=".ship.", dir=settings.store) as aside:
            for name in new:
                target = Path(aside, name + SUFFIX)
                target.parent.mkdir(parents=True, exist_ok=True)
                encrypt(settings, folder / name, target)
            _send(settings, Path(aside), "uploads")
    gone = sorted(set(known) - set(there))
    _remove(settings, "uploads", [name + SUFFIX for name in gone])
    if new or gone:
        record.write_text(json.dumps(there))


def everything(settings: Settings, state: store.State, folder: Path, copied: float) -> None:
    """Ship uploads, logs, and the archives that are left; what fails is recorded and tried again at the next turn."""
    try:
        new_uploads(settings)
        logs(settings, folder)
        state.update(binlog_shipped_timestamp_seconds=copied, ship_failed=0)
        with store.alone(settings.store, "shipping"):
            archives(settings, state)
    except NotShippedError as fault:
        state.update(ship_failed=1)
        print(fault, flush=True)
    except BackupError:
        # A backup or a drill runs; a backup ships its archive itself.
        pass


def fetch(settings: Settings, name: str, identity: Path) -> Path:
    """Bring an archive from the other host, with the logs of its server; returns its path. Raises BackupError."""
    if not settings.ship:
        raise BackupError("nothing is shipped anywhere: set backup_ship_to")
    if name == "newest":
        listed = [line.split()[-1] for line in _rsync(settings, "--list-only", f"{settings.ship['to']}/").splitlines()]
        found = sorted(word for word in listed if word.endswith(f".tar{SUFFIX}"))
        if not found:
            raise BackupError(f"{settings.ship['to']} has no archive")
        name = found[-1].removesuffix(SUFFIX)
    settings.store.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.store / name
    with tempfile.TemporaryDirectory(prefix=".fetch.", dir=settings.store) as aside:
        _rsync(settings, f"{settings.ship['to']}/{name}{SUFFIX}", f"{aside}/")
        part = Path(aside, name)
        decrypt(Path(aside, name + SUFFIX), part, identity)
        part.replace(path)
        path.chmod(0o600)
        _marker(path).touch()
        _rsync(settings, "--recursive", "--exclude=/*.age", f"{settings.ship['to']}/", f"{aside}/")
        for folder in sorted(Path(aside, "binlog").glob("*/")):
            _join(settings, folder, identity)
        for encrypted in uploads.files(Path(aside, "uploads")):
            target = uploads.directory(settings) / encrypted.relative_to(Path(aside, "uploads")).with_suffix("")
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                decrypt(encrypted, target, identity)
    return path


def _join(settings: Settings, folder: Path, identity: Path) -> None:
    """Put the pieces of a server's logs together, unless this host still copies them."""
    target = stream.directory(settings, folder.name)
    if target.exists():
        return
    joined = folder / "joined"
    joined.mkdir()
    for encrypted in sorted(folder.glob(f"*{SUFFIX}")):
        name, begin = encrypted.name.removesuffix(SUFFIX).rsplit(".", 1)
        piece = folder / "piece"
        decrypt(encrypted, piece, identity)
        with (joined / name).open("ab") as log:
            if log.tell() != int(begin):
                # Older pieces may be gone: what is not there from its beginning is no use.
                (joined / name).unlink()
                continue
            log.write(piece.read_bytes())
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    joined.rename(target)


def encrypt(settings: Settings, source: Path, target: Path) -> None:
    """Encrypt a file for the operator's keys."""
    recipients = [word for key in settings.ship["recipients"] for word in ("--recipient", key)]
    _call(["age", "--encrypt", *recipients, "--output", str(target), str(source)])


def decrypt(source: Path, target: Path, identity: Path) -> None:
    """Decrypt a file with the operator's key, which is on this host for the time of a restore only."""
    _call(["age", "--decrypt", "--identity", str(identity), "--output", str(target), str(source)])


def _send(settings: Settings, folder: Path, below: str) -> None:
    target = f"{settings.ship['to']}/{below}"
    _rsync(settings, "--recursive", "--mkpath", f"{folder}/", f"{target}/")
    different = _rsync(
        settings, "--recursive", "--checksum", "--dry-run", "--itemize-changes", f"{folder}/", f"{target}/"
    )
    files = [line for line in different.splitlines() if line.startswith("<f")]
    if files:
        raise NotShippedError(f"{target} holds something else than was sent: {', '.join(files)}")


def _remove(settings: Settings, below: str, names: list[str]) -> None:
    if not names:
        return
    with tempfile.TemporaryDirectory(prefix=".ship.", dir=settings.store) as empty:
        chosen = []
        for name in names:
            # The directories stay: they are in what is sent.
            for parent in [str(one) for one in reversed(Path(name).parents[:-1])]:
                Path(empty, parent).mkdir(exist_ok=True)
                chosen.append(f"--include=/{parent}/")
            chosen.append(f"--include=/{name}")
        _rsync(
            settings, "--recursive", "--delete", *chosen, "--exclude=*", f"{empty}/", f"{settings.ship['to']}/{below}/"
        )


def _rsync(settings: Settings, *arguments: str) -> str:
    ship = settings.ship
    ssh = (
        f"ssh -p {ship['port']} -i {ship['key']} -o BatchMode=yes -o ConnectTimeout=15 -o StrictHostKeyChecking=yes"
        f" -o UserKnownHostsFile={ship['known_hosts']}"
    )
    return _call(["rsync", "--rsh", ssh, "--times", "--timeout=60", *arguments])


def _call(command: list[str]) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    except FileNotFoundError as fault:
        raise NotShippedError(f"{command[0]} is not installed: ansible-playbook site.yml --tags backup") from fault
    if run.returncode:
        raise NotShippedError(f"{command[0]} ended with {run.returncode}: {run.stderr.strip()}")
    return run.stdout
