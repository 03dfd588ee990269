"""Behaviour of the process: wrong settings, a database that starts late, signals."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

import httpx
import msgspec
import pytest

from jiucom.settings import Settings
from testing import servers
from testing.database import root
from testing.replica import replica
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

_API = Path(__file__).parents[2]


def environment(settings: Settings) -> dict[str, str]:
    values = msgspec.structs.asdict(settings)
    return {name.upper(): str(value) for name, value in values.items() if value not in ("", None)}


@contextmanager
def jiucom(*command: str, **environ: str) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """`python -m jiucom`, with its output."""
    with TemporaryFile() as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "jiucom", *command],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(_API), **environ},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process, output
        finally:
            process.kill()
            process.wait()


def said(output: IO[bytes]) -> str:
    return os.pread(output.fileno(), 1_000_000, 0).decode()


async def test_wrong_settings_stop_the_start() -> None:
    with jiucom("serve", DB_PORT="none", TIME_ZONE="Mars") as (process, output):
        assert await asyncio.to_thread(process.wait, 10) == 2
        lines = said(output).splitlines()
    assert [line.partition(":")[0] for line in lines] == ["JWT_SECRET", "DB_PORT", "TIME_ZONE"]


async def test_mysql_may_start_late(own_mysql: tuple[str, Settings]) -> None:
    container, settings = own_mysql
    await asyncio.to_thread(servers.docker, "kill", container)
    with jiucom("migrate", **environment(settings)) as (process, output):
        await eventually(lambda: "waiting for MySQL at 127.0.0.1" in said(output), 10)
        await asyncio.to_thread(servers.docker, "start", container)
        assert await asyncio.to_thread(process.wait, 60) == 0
        assert "database schema is up to date" in said(output)
        assert settings.db_migrate_password not in said(output)


async def test_sigterm_ends_the_waiting(changed: Callable[..., Settings]) -> None:
    with jiucom("start", **environment(changed(db_port=9))) as (process, output):
        await eventually(lambda: "waiting for MySQL" in said(output), 10)
        process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(process.wait, 3) == 128 + signal.SIGTERM


async def test_requests_in_flight_are_finished(database: Settings, mysql_server: tuple[int, str]) -> None:
    async with replica(database) as running, httpx.AsyncClient() as client:
        async with root(mysql_server, database.db_name) as cursor:
            await cursor.execute("LOCK TABLES sellers WRITE")
            slow = asyncio.create_task(client.get(f"{running.url}/sellers"))
            statement = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = %s AND info LIKE %s"

            async def waits() -> bool:
                async with root(mysql_server) as watcher:
                    await watcher.execute(statement, (database.db_username, "SELECT%"))
                    return bool((await watcher.fetchone())[0])

            await eventually(waits)
            running.process.send_signal(signal.SIGTERM)
            await eventually(lambda: _refused(running.port))
            assert not slow.done()
            await cursor.execute("UNLOCK TABLES")
        assert (await slow).status_code == 200
        assert await asyncio.to_thread(running.process.wait, 10) in (0, -signal.SIGTERM)


async def _refused(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    return False


async def test_redis_may_be_away(changed: Callable[..., Settings], database: Settings) -> None:
    async with replica(changed(redis_port=9)) as running, httpx.AsyncClient() as client:
        assert (await client.get(f"{running.url}/actuator/health")).json() == {"status": "UP"}
        assert (await client.get(f"{running.url}/parts/1")).status_code == 200
        assert running.stop() in (0, -signal.SIGTERM)


async def test_more_files_may_be_open_than_the_daemon_gives(database: Settings) -> None:
    given, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, most))
    try:
        async with replica(database) as running:
            assert resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)[0] > 1024
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (given, most))
