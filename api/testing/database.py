"""Schemas on a server of the tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncmy
from msgspec.structs import replace

from jiucom import seed as seeds
from jiucom.db import migrate
from jiucom.settings import Settings
from testing import servers


@asynccontextmanager
async def root(server: tuple[int, str], database: str = "mysql") -> AsyncIterator[Any]:
    """A cursor of root's, committing each statement."""
    port, password = server
    connection = await asyncmy.connect(
        host="127.0.0.1", port=port, db=database, user="root", password=password, autocommit=True
    )
    async with connection, connection.cursor() as cursor:
        yield cursor


def named(settings: Settings, name: str, **changes: Any) -> Settings:
    """The settings of another schema, with accounts of its own."""
    return replace(settings, db_name=name, db_username=name, db_migrate_username=f"{name}_m", **changes)


@asynccontextmanager
async def apart(server: tuple[int, str], settings: Settings, name: str) -> AsyncIterator[tuple[str, Settings]]:
    """A schema `name` with the demo seed, and a Redis of its own: its container, and the settings of both."""
    with servers.redis() as (container, port):
        own = named(settings, name, redis_port=port)
        await make_database(server, own)
        yield container, own
        await drop_database(server, own)


async def make_database(server: tuple[int, str], settings: Settings) -> None:
    """The schema of the settings on a server, with the demo seed."""
    await make_empty_database(server, settings)
    await migrate.upgrade(settings)
    await seeds.run(settings, "demo")


async def make_empty_database(server: tuple[int, str], settings: Settings) -> None:
    """A database without tables, and accounts with the rights they have on the platform."""
    name = settings.db_name
    async with root(server) as cursor:
        for statement in (
            f"CREATE DATABASE {name}",
            f"CREATE USER {name} IDENTIFIED BY '{settings.db_password}'",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {name}",
            f"CREATE USER {name}_m IDENTIFIED BY '{settings.db_migrate_password}'",
            f"GRANT ALL ON {name}.* TO {name}_m",
        ):
            await cursor.execute(statement)


async def drop_database(server: tuple[int, str], settings: Settings) -> None:
    """Remove what `make_database` made."""
    name = settings.db_name
    async with root(server) as cursor:
        for statement in (f"DROP DATABASE {name}", f"DROP USER {name}", f"DROP USER {name}_m"):
            await cursor.execute(statement)
