"""`drill`: the newest archive is restored into a throw-away MySQL, and its content compared with what was dumped."""

from __future__ import annotations

import hashlib
import random
import secrets
import tempfile
import time
from pathlib import Path

from jiucom_backup import checks, dump, restore, store
from jiucom_backup.archive import DUMP, Reader
from jiucom_backup.docker import docker, volume
from jiucom_backup.mysql import Server
from jiucom_backup.services import services
from jiucom_backup.settings import BackupError, Settings

SAMPLE = 200
# Small, and without what makes a server's data last.
_FAST = (
    "--innodb-buffer-pool-size=256M", "--skip-log-bin", "--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF",
    "--performance-schema=OFF", "--gtid-mode=ON", "--enforce-gtid-consistency=ON",
)  # fmt: skip


def run(settings: Settings, path: Path) -> str:
    """Prove an archive; returns what was proved. Raises BackupError."""
    state = store.State(settings.store, settings.home / "metrics")
    with store.alone(settings.store, "a drill"):
        state.update(drill_attempt_timestamp_seconds=time.time())
        try:
            line = _prove(settings, state, path)
        except BaseException:
            state.update(drill_failed=1)
            raise
    return line


def _prove(settings: Settings, state: store.State, path: Path) -> str:
    began = time.monotonic()
    reader = Reader(path)
    reader.verify()
    no_room = checks.no_room(settings, reader.manifest)
    if no_room:
        raise BackupError(no_room)
    _database(settings, reader)
    seen, gone = _uploads(settings, reader)
    seconds = round(time.monotonic() - began, 1)
    state.update(
        drill_failed=0,
        drill_success_timestamp_seconds=time.time(),
        drill_duration_seconds=seconds,
        drill_archive=path.name,
        restore_proved_timestamp_seconds=store.date_of(path).timestamp(),
    )
    tables = reader.manifest["database"]["tables"]
    rows = sum(table["rows"] for table in tables.values())
    return (
        f"proved: {path.name}: {len(tables)} tables with {rows} rows are as they were dumped; {seen} uploads of the "
        f"sample are as those in use, {gone} have been deleted since; {seconds} s"
    )


def _database(settings: Settings, reader: Reader) -> None:
    name, password = f"{settings.project}-drill", secrets.token_hex(24)
    image = services(settings).image("mysql")
    configuration = settings.directory / "mysql/conf.d"
    mounts = ["--volume", f"{configuration}:/etc/mysql/conf.d:ro"] if configuration.is_dir() else []
    docker("rm", "--force", "--volumes", name)
    docker(
        "run", "--detach", "--name", name, "--network", "none", "--memory", "1g", "--cpu-shares", "128",
        "--env", "MYSQL_ROOT_PASSWORD", "--env", f"MYSQL_DATABASE={settings.database}", "--env", "MYSQL_ROOT_HOST=localhost",
        *mounts, image, "mysqld", *_FAST, environment={"MYSQL_ROOT_PASSWORD": password},
    )  # fmt: skip
    try:
        server = Server(name, password)
        server.wait(300)
        with tempfile.TemporaryDirectory(prefix=".drill.", dir=settings.store) as aside:
            file = Path(aside, DUMP)
            reader.extract_file(DUMP, file)
            dump.load(server, settings.database, file)
        restore.compare(server, settings.database, reader.manifest["database"]["tables"])
    finally:
        docker("rm", "--force", "--volumes", name)


def _uploads(settings: Settings, reader: Reader) -> tuple[int, int]:
    """Compare a sample of the archived uploads with those in use, which never change; returns how many are there, and gone."""
    prefix = "volumes/uploads/"
    names = sorted(name for name in reader.manifest["files"] if name.startswith(prefix))
    live = volume(settings.project, "uploads")
    seen = gone = 0
    for name in random.sample(names, min(SAMPLE, len(names))):
        path = live / name.removeprefix(prefix) if live else Path("/nowhere")
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            gone += 1
            continue
        if hashlib.sha256(content).hexdigest() != reader.manifest["files"][name]["sha256"]:
            raise BackupError(f"{path} differs from the archive, and uploads never change: one of the two is damaged")
        seen += 1
    return seen, gone
