"""Brings the database to the schema of this version of the code.

Revisions live in `migrations/versions`, one statement each: MySQL cannot roll DDL back, so a revision that fails must
be able to run again. They go forward only; the way back is a restore.

While a new version takes over, the version before still serves. A revision therefore only adds, unless it says
`contract = True`: then it takes away what the version before needs, and waits until it is asked for. The last one that
ran names the oldest version that can use the schema (`schema_support`); a newer schema is no fault for such a version.
"""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import Struct
from sqlalchemy import URL, Connection, NullPool, inspect
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from jiucom.settings import Settings

log = logging.getLogger(__name__)
# `upgrade` logs one line; alembic would log one per revision.
logging.getLogger("alembic").setLevel(logging.WARNING)

# Long enough for another replica to build an index over a large table.
LOCK_TIMEOUT = 600
# A revision waits for the transactions that use its table, and everyone behind it waits, too (s). MySQL's own is a year.
TABLE_TIMEOUT = 5

_NOTHING = "nothing"
_SUPPORT = "schema_support"


class MigrationError(RuntimeError):
    """The schema could not be brought up to date; the text says why."""


class Schema(Struct, frozen=True):
    """The schema as it is, and what this version of the code makes of it."""

    revision: str
    # The last revision that this version knows.
    head: str
    # Revisions that have not run: the additive ones, and those that run only with `migrate --contract`.
    pending: list[str]
    waiting: list[str]
    # The oldest version, by its head, that can use the schema; empty when every version can.
    oldest: str


async def status(settings: Settings) -> Schema:
    """Say how the schema is, and change nothing."""
    async with _connection(settings) as connection:
        return await connection.run_sync(_schema)


async def upgrade(settings: Settings, *, contract: bool = False) -> tuple[str, str]:
    """Run all revisions that the database lacks, with the migrating account; the revisions before and after.

    Those that take something away run in an empty database, and otherwise only with `contract`. Replicas that start
    together wait for each other. Raises MigrationError when the lock stays taken or the schema is not for this version,
    and what the driver raises (asyncmy.errors, OSError) when the server cannot be reached or refuses a statement.
    """
    started = time.monotonic()
    async with _connection(settings) as connection, _exclusive(connection, f"jiucom.migrate.{settings.db_name}"):
        before, after, waiting = await connection.run_sync(_upgrade, contract)
    if waiting:
        log.warning("revision %s waits until no older version runs: migrate --contract", ", ".join(waiting))
    if before == after:
        log.info("database schema is up to date at revision %s", after)
    else:
        log.info("database schema migrated from %s to %s in %.1f s", before, after, time.monotonic() - started)
    return before, after


@asynccontextmanager
async def _connection(settings: Settings) -> AsyncIterator[AsyncConnection]:
    url = URL.create(
        "mysql+asyncmy",
        username=settings.db_migrate_username,
        password=settings.db_migrate_password,
        host=settings.db_host,
        port=settings.db_port,
        database=settings.db_name,
    )
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        # MySQL commits each DDL statement anyway; so is the row that records it, before the lock is given back.
        isolation_level="AUTOCOMMIT",
        # Times are stored in UTC, and defaults take the zone of the session.
        connect_args={"init_command": f"SET time_zone = '+00:00', lock_wait_timeout = {TABLE_TIMEOUT}"},
    )
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


@asynccontextmanager
async def _exclusive(connection: AsyncConnection, name: str) -> AsyncIterator[None]:
    """Hold the server-wide lock `name` (MySQL frees it by itself when the connection dies)."""
    got = (await connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (name[:64], LOCK_TIMEOUT))).scalar()
    if got != 1:
        raise MigrationError(f"another process has been migrating for {LOCK_TIMEOUT} s (lock {name})")
    try:
        yield
    finally:
        await connection.exec_driver_sql("SELECT RELEASE_LOCK(%s)", (name[:64],))


def _upgrade(connection: Connection, contract: bool) -> tuple[str, str, list[str]]:
    """Revisions before and after, and those that wait."""
    found = _schema(connection)
    if found.oldest > found.head:
        raise MigrationError(
            f"the schema is at {found.revision} and needs a version that knows {found.oldest}; this one ends with {found.head}"
        )
    late = [revision for revision in found.pending if found.waiting and revision > found.waiting[0]]
    if late and not contract and found.revision != _NOTHING:
        raise MigrationError(
            f"{late[0]} comes after {found.waiting[0]}, which waits: run `migrate --contract` with the version that runs now"
        )
    everything = contract or found.revision == _NOTHING
    targets = sorted(found.pending + (found.waiting if everything else []))
    for revision in targets:
        command.upgrade(_config(connection), revision)
        if revision in found.waiting:
            _require(connection, revision)
    return found.revision, _revision(connection), [] if everything else found.waiting


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _schema(connection: Connection) -> Schema:
    script = ScriptDirectory.from_config(_config(connection))
    revisions = list(script.walk_revisions())[::-1]
    revision = _revision(connection)
    names = [each.revision for each in revisions]
    # One of a newer version is not among ours: nothing is pending then.
    done = 0 if revision == _NOTHING else names.index(revision) + 1 if revision in names else len(names)
    waiting = [each.revision for each in revisions[done:] if getattr(each.module, "contract", False)]
    return Schema(
        revision=revision,
        head=names[-1],
        pending=[name for name in names[done:] if name not in waiting],
        waiting=waiting,
        oldest=_oldest(connection),
    )


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or _NOTHING


def _oldest(connection: Connection) -> str:
    if not inspect(connection).has_table(_SUPPORT):
        return ""
    return str(connection.exec_driver_sql(f"SELECT oldest FROM {_SUPPORT}").scalar() or "")  # noqa: S608


def _require(connection: Connection, revision: str) -> None:
    """Record that no version without `revision` can use the schema."""
    connection.exec_driver_sql(
        f"CREATE TABLE IF NOT EXISTS {_SUPPORT} (one TINYINT PRIMARY KEY DEFAULT 1, oldest VARCHAR(32) NOT NULL)"
    )
    connection.exec_driver_sql(f"REPLACE INTO {_SUPPORT} (one, oldest) VALUES (1, %s)", (revision,))  # noqa: S608
