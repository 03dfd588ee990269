"""Brings the database to the schema of this version of the code.

Revisions live in `migrations/versions`, one statement each: MySQL cannot roll DDL back, so a revision that fails must
be able to run again. They go forward only; the way back is a restore.
"""

import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import URL, Connection, NullPool
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from jiucom.settings import Settings

log = logging.getLogger(__name__)
# `upgrade` logs one line; alembic would log one per revision.
logging.getLogger("alembic").setLevel(logging.WARNING)

# Long enough for another replica to build an index over a large table.
LOCK_TIMEOUT = 600


class MigrationError(RuntimeError):
    """The schema could not be brought up to date; the text says why."""


async def upgrade(settings: Settings) -> tuple[str, str]:
    """Run all revisions that the database lacks, with the migrating account; the revisions before and after.

    Replicas that start together wait for each other. Raises MigrationError when the lock stays taken, and what the
    driver raises (asyncmy.errors, OSError) when the server cannot be reached or refuses a statement.
    """
    started = time.monotonic()
    async with _connection(settings) as connection, _exclusive(connection, f"jiucom.migrate.{settings.db_name}"):
        before, after = await connection.run_sync(_upgrade)
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
        connect_args={"init_command": "SET time_zone = '+00:00'"},
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


def _upgrade(connection: Connection) -> tuple[str, str]:
    """Revisions before and after."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    before = _revision(connection)
    command.upgrade(config, "head")
    return before, _revision(connection)


def _revision(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or "nothing"
