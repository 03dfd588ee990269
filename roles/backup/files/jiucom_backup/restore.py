"""`restore`: the data of an archive takes the place of what is here, which is kept aside."""

from __future__ import annotations

import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jiucom_backup import checks, dump, replay, replica, store, stream, uploads, volumes
from jiucom_backup.archive import DUMP, Reader
from jiucom_backup.docker import docker, volume
from jiucom_backup.mysql import Server, checksums
from jiucom_backup.services import START_SECONDS, services
from jiucom_backup.settings import VOLUMES, BackupError, Settings


def run(settings: Settings, path: Path, *, foreign: bool = False, until: str = "") -> list[str]:
    """Restore; returns what to say about it. Raises BackupError: before anything is touched, or after everything was put back."""
    services(settings).require_volumes(("mysql-data", *VOLUMES))
    with store.alone(settings.store, "a restore"):
        reader = Reader(path)
        reader.verify()
        found = checks.faults(settings, reader.manifest, foreign=foreign)
        if found:
            raise BackupError("nothing was touched:\n  " + "\n  ".join(found))
        planned = _plan(settings, reader, until) if until else None
        stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        _replace(settings, reader, stamp, planned)
        state = store.State(settings.store, settings.home / "metrics")
        state.update(restore_timestamp_seconds=time.time(), restored_archive=path.name)
        (settings.store / ".installation").write_text(f"{reader.manifest['installation']}\n")
        return _report(settings, reader, stamp) + ([planned.text] if planned else [])


def _plan(settings: Settings, reader: Reader, until: str) -> replay.Plan:
    """Find the transactions up to a point. What this host's MySQL has written last is copied first, where it is the archive's."""
    server = reader.manifest["database"]["server_uuid"]
    data = volume(settings.project, "mysql-data")
    if data and (data / "auto.cnf").exists() and stream.server_uuid(data) == server:
        try:
            # So that nothing is written after the copy.
            services(settings).stop()
            stream.copy(settings)
            return replay.plan(stream.directory(settings, server), reader.manifest["database"]["gtids"], until)
        except BaseException:
            services(settings).start()
            raise
    return replay.plan(stream.directory(settings, server), reader.manifest["database"]["gtids"], until)


def _replace(settings: Settings, reader: Reader, stamp: str, planned: replay.Plan | None) -> None:
    names = checks.volumes(reader.manifest)
    # Uploads never change, and the transactions after the archive bring rows of newer ones: those that are here stay.
    moved = [name for name in checks.replaced(settings, reader.manifest) if not (planned and name == "uploads")]
    try:
        services(settings).stop()
        for name in moved:
            volumes.move_aside(settings.project, name, stamp)
        _database(settings, reader, planned)
        for name in names[1:]:
            target = volume(settings.project, name)
            assert target
            reader.extract(f"volumes/{name}", target)
            if planned and name == "uploads":
                uploads.put_back(settings, target)
        replica.fill_anew(settings.project)
    except BaseException:
        # Also for Ctrl-C: as it was before.
        for name in moved:
            volumes.move_back(settings.project, name, stamp)
        services(settings).start()
        raise
    services(settings).start()


def _database(settings: Settings, reader: Reader, planned: replay.Plan | None) -> None:
    """Start MySQL alone, with an empty volume, and load the dump. The API would migrate and seed it."""
    name = f"{settings.project}-restore"
    docker("rm", "--force", "--volumes", name)
    with tempfile.TemporaryDirectory(prefix=".restore.", dir=settings.store) as aside:
        logs, more = Path(aside, "logs"), []
        if planned and planned.wanted:
            data = volume(settings.project, "mysql-data")
            assert data
            replay.stage(logs, planned, data.stat().st_uid)
            # The container reads below a directory that is root's alone.
            more = [f"{logs}:{replay.INSIDE}"]
        services(settings).run("mysql", name, more, replay.options(settings) if more else [])
        try:
            server = Server(name, settings.secret("mysql", "root_password"))
            server.wait(START_SECONDS)
            file = Path(aside, DUMP)
            reader.extract_file(DUMP, file)
            dump.load(server, settings.database, file)
            compare(server, settings.database, reader.manifest["database"]["tables"])
            if planned and planned.wanted:
                replay.run(server, planned)
            docker("stop", "--time", "120", name)
        finally:
            docker("rm", "--force", "--volumes", name)


def compare(server: Server, database: str, wanted: dict[str, Any]) -> None:
    """Compare each table's rows and checksum with those that it had when it was dumped. Raises BackupError."""
    tables = server.tables(database)
    if set(tables) != set(wanted):
        raise BackupError(f"tables are missing or not of the archive: {', '.join(sorted(set(tables) ^ set(wanted)))}")
    found = checksums(server, database, tables)
    other = [name for name in tables if found[name] != wanted[name]]
    if other:
        raise BackupError(f"the restored content differs from what was dumped in {', '.join(other)}")


def _report(settings: Settings, reader: Reader, stamp: str) -> list[str]:
    names = [
        f"{settings.project}_{volumes.kept_name(name, stamp)}" for name in checks.replaced(settings, reader.manifest)
    ]
    there = docker("volume", "ls", "--quiet").split()
    kept = [name for name in names if name in there]
    configuration = settings.store / f"configuration-of-{reader.path.stem}"
    configuration.mkdir(mode=0o700, exist_ok=True)
    reader.extract("installation", configuration)
    lines = [
        f"restored: {reader.path.name} of {reader.manifest['host']}, begun {reader.manifest['started']}",
        f"what was replaced is kept; when you do not need it any more: docker volume rm {' '.join(kept)}",
        f"the archive's configuration and secrets, not applied: {configuration}",
    ]
    key = configuration / "app/secrets/jwt_secret"
    if key.exists() and key.read_text() != settings.secret("app", "jwt_secret"):
        lines.append(
            f"api_jwt_secret differs: users must log in again, unless you set it in the inventory to what {key} holds"
        )
    return lines
