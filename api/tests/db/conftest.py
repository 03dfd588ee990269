"""A real MySQL of this test session, and databases in it with the two accounts the platform has."""

import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import asyncmy
import msgspec
import pytest

from jiucom.db import migrate
from jiucom.settings import Settings
from testing.images import image

ROOT = "root-of-this-test"


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def connected(settings: Settings, *, root: bool = False, **options: Any) -> AsyncIterator[Any]:
    """A cursor of the application's account (or root), committing each statement unless told otherwise."""
    connection = await asyncmy.connect(
        host=settings.db_host,
        port=settings.db_port,
        db=settings.db_name,
        user="root" if root else settings.db_username,
        password=ROOT if root else settings.db_password,
        init_command="SET time_zone = '+00:00'",
        **{"autocommit": True, **options},
    )
    async with connection, connection.cursor() as cursor:
        yield cursor


async def rows(settings: Settings, sql: str, args: Any = None) -> list[tuple[Any, ...]]:
    """All rows of one statement."""
    async with connected(settings) as cursor:
        await cursor.execute(sql, args)
        return list(await cursor.fetchall())


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="session")
def mysql_port() -> Iterator[int]:
    """The port of a MySQL server that ends with the session."""
    name = f"data-mysql-{uuid.uuid4().hex[:8]}"
    _docker(
        *("run", "--detach", "--rm", "--name", name, "--publish", "127.0.0.1::3306"),
        *("--env", f"MYSQL_ROOT_PASSWORD={ROOT}", "--env", "MYSQL_ROOT_HOST=%"),
        # Durability is not tested here.
        *(
            image("mysql"),
            "mysqld",
            "--innodb-flush-log-at-trx-commit=0",
            "--sync-binlog=0",
            "--innodb-buffer-pool-size=256M",
        ),
    )
    try:
        # While it initialises itself, the server does not listen.
        ready = 'until MYSQL_PWD="$1" mysql --protocol=tcp --user=root --execute="SELECT 1"; do sleep 0.3; done'
        subprocess.run(
            ["timeout", "120", "docker", "exec", name, "sh", "-c", ready, "sh", ROOT], check=True, capture_output=True
        )
        yield int(_docker("port", name, "3306/tcp").rsplit(":", 1)[1])
    finally:
        _docker("rm", "--force", "--volumes", name)


@pytest.fixture(scope="session")
def make_database(mysql_port: int) -> Callable[[], Any]:
    """Creates an empty database with accounts that hold exactly the rights they have on the platform."""

    async def make() -> Settings:
        name = f"t_{uuid.uuid4().hex[:12]}"
        settings = Settings(
            jwt_secret="unused",
            db_host="127.0.0.1",
            db_port=mysql_port,
            db_name=name,
            db_username=name,
            db_password="app-of-this-test",
            db_migrate_username=f"{name}_m",
            db_migrate_password="migrate-of-this-test",
        )
        server = msgspec.structs.replace(settings, db_name="mysql")
        async with connected(server, root=True) as cursor:
            for statement in (
                f"CREATE DATABASE {name}",
                f"CREATE USER {name} IDENTIFIED BY '{settings.db_password}'",
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO {name}",
                f"CREATE USER {name}_m IDENTIFIED BY '{settings.db_migrate_password}'",
                f"GRANT ALL ON {name}.* TO {name}_m",
            ):
                await cursor.execute(statement)
        return settings

    return make


@pytest.fixture
async def database(make_database: Callable[[], Any]) -> Any:
    """An empty database."""
    return await make_database()


@pytest.fixture(scope="session")
async def migrated(make_database: Callable[[], Any]) -> Any:
    """A database with the whole schema, without rows."""
    settings = await make_database()
    await migrate.upgrade(settings)
    return settings
