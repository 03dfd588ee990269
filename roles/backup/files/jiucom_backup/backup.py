"""`backup`: one archive of everything that cannot be made again."""

from __future__ import annotations

import shutil
import socket
import tempfile
import time
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jiucom_backup import dump, replica, ship, stage, store
from jiucom_backup.archive import DUMP, Reader, Writer
from jiucom_backup.docker import inspect, volume
from jiucom_backup.mysql import Server
from jiucom_backup.services import services
from jiucom_backup.settings import VOLUMES, BackupError, Settings

# Of /opt/jiucom: what a run of site.yml writes again and data does not depend on.
_LEFT_OUT = ("api", "backup", "lock", ".lock", ".removed", ".upgrades")
_STAGED = {"redis-data": stage.redis, "grafana-data": stage.grafana}


def run(settings: Settings, *, smaller: bool = False) -> Path:
    """Make an archive, check it, ship it, remove old ones; returns its path. Raises BackupError."""
    state = store.State(settings.store, settings.home / "metrics")
    with store.alone(settings.store, "a backup"):
        started = time.time()
        state.update(backup_attempt_timestamp_seconds=started)
        try:
            path, manifest = _make(settings, state, smaller)
        except BaseException:
            state.update(backup_failed=1)
            raise
        size = path.stat().st_size
        kept = store.archives(settings.store)
        for old in store.superfluous(kept, settings.keep):
            if old.name != state.read().get("drill_archive"):
                store.remove(old)
        state.update(
            backup_failed=0,
            backup_success_timestamp_seconds=started,
            backup_duration_seconds=round(time.time() - started, 1),
            backup_size_bytes=size,
            backup_dump_bytes=manifest["database"]["bytes"],
            backup_archives=len(store.archives(settings.store)),
        )
        ship.archives(settings, state)
    return path


def _make(settings: Settings, state: store.State, smaller: bool) -> tuple[Path, dict[str, Any]]:
    known = state.read()
    _require_room(settings, float(known.get("backup_size_bytes", 0)))
    platform = services(settings)
    platform.require_volumes(("mysql-data", *VOLUMES))
    found = platform.running("mysql")
    if not found:
        raise BackupError(f"MySQL does not run: {platform.start_command('mysql')}")
    root = Server(found[0], settings.secret("mysql", "root_password"))
    started = datetime.now(UTC)
    path = settings.store / store.name_for(settings.project, started)
    with tempfile.TemporaryDirectory(prefix=".dump.", dir=settings.store) as aside:
        file = Path(aside, DUMP)
        service, server = replica.source(settings, root)
        dumped = dump.write(server, settings.database, file)
        before = float(known.get("backup_dump_bytes", 0))
        if dumped.bytes < before / 2 and not smaller:
            raise BackupError(
                f"the dump has {dumped.bytes} bytes, less than half of the last one ({before:.0f}): "
                "if the data has become so much less, run it with -e smaller=true"
            )
        writer = Writer(path)
        try:
            writer.add(DUMP, file)
            # After the dump: each file that a row names is there.
            for name in VOLUMES:
                source = volume(settings.project, name)
                if source and name in _STAGED:
                    _STAGED[name](source, Path(aside, name))
                    source = Path(aside, name)
                if source:
                    writer.add_tree(f"volumes/{name}", source)
            writer.add_tree("installation", settings.directory, _LEFT_OUT)
            manifest = writer.finish(
                {
                    "project": settings.project,
                    "host": socket.gethostname(),
                    "installation": installation(settings),
                    "started": f"{started:%FT%TZ}",
                    "finished": f"{datetime.now(UTC):%FT%TZ}",
                    "database": _database(root, settings, dumped) | {"read_from": service},
                    "images": _images(settings),
                }
            )
        except BaseException:
            writer.discard()
            raise
    try:
        reader = Reader(path)
        reader.verify()
        reader.close()
    except BackupError:
        store.remove(path)
        raise
    return path, manifest


def _require_room(settings: Settings, last: float) -> None:
    free = shutil.disk_usage(settings.store).free
    # The archive, the dump once more while it is being made, and something for the host.
    needed = int(2 * last) + (256 << 20)
    if free < needed:
        raise BackupError(
            f"{settings.store} has {free >> 20} MB free, a backup needs {needed >> 20}: make room, or set backup_dir"
        )


def installation(settings: Settings) -> str:
    """Return this installation's own name, by which its archives are known from those of another."""
    file = settings.store / ".installation"
    if not file.exists():
        file.write_text(f"{uuid.uuid4()}\n")
    return file.read_text().strip()


def _database(root: Server, settings: Settings, dumped: dump.Dump) -> dict[str, Any]:
    revisions: list[list[str]] = []
    if "alembic_version" in dumped.tables:
        revisions = root.ask(f"SELECT version_num FROM `{settings.database}`.alembic_version")
    return {
        "name": settings.database,
        "version": root.value("SELECT VERSION()"),
        "server_uuid": root.value("SELECT @@server_uuid"),
        "revision": revisions[0][0] if revisions else "",
        "gtids": dumped.gtids,
        "bytes": dumped.bytes,
        "tables": dumped.tables,
    }


def _images(settings: Settings) -> dict[str, str]:
    found, platform = {}, services(settings)
    for service in ("mysql", "redis", "app", "grafana"):
        for container in platform.running(service)[:1]:
            found[service] = inspect(container)["Config"]["Image"]
    return found
