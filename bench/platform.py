"""What is measured: a server process on real MySQL and Redis, with a catalogue of a given size."""

import itertools
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

from bench import board, catalogue
from jiucom.auth.tokens import Tokens
from jiucom.settings import Settings
from testing.database import drop_database, make_database, root
from testing.replica import Replica, replica

_RESULTS = Path(__file__).parents[1] / ".cache" / "bench"


class Server(Protocol):
    """How a server is run: `testing.replica.replica` as a process of this Python, `bench.container.contained` as deployed."""

    def __call__(self, settings: Settings, *, module: str) -> AbstractAsyncContextManager[Replica]: ...


@asynccontextmanager
async def platform(
    mysql: tuple[int, str], redis_port: int, parts: int, *, posts: int = 0, server: Server = replica, **values: Any
) -> AsyncIterator[tuple[Replica, Settings, Any]]:
    """A server over `parts` parts and `posts` posts, its settings (`values` are some of them), and root's cursor."""
    name = f"b_{secrets.token_hex(4)}"
    settings = Settings(
        jwt_secret=secrets.token_hex(32),
        db_host="127.0.0.1",
        db_port=mysql[0],
        db_name=name,
        db_username=name,
        db_password="app-of-this-bench",  # noqa: S106
        db_migrate_username=f"{name}_m",
        db_migrate_password="migrate-of-this-bench",  # noqa: S106
        redis_host="127.0.0.1",
        redis_port=redis_port,
        rate_limit_write=1_000_000,
        **values,
    )
    await make_database(mysql, settings)
    try:
        async with root(mysql, name) as cursor:
            # As roles/database has it.
            await cursor.execute("SET GLOBAL innodb_buffer_pool_size = 1024 * 1024 * 1024")
            await catalogue.fill(cursor, parts)
            if posts:
                await board.fill(cursor, posts)
            async with server(settings, module="bench.serve") as running:
                yield running, settings, cursor
    finally:
        await drop_database(mysql, settings)


_numbers = itertools.count(1)


async def token(cursor: Any, settings: Settings) -> str:
    """An access token of a new user."""
    number = next(_numbers)
    await cursor.execute(
        "INSERT INTO users (email, nickname) VALUES (%s, %s)", (f"bench{number}@example.com", f"측정{number}")
    )
    return Tokens(settings).access(int(cursor.lastrowid), "USER")


def show(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as a table."""
    print(f"\n{title}")
    cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def save(name: str, results: Mapping[str, Any]) -> None:
    """Write results to .cache/bench."""
    _RESULTS.mkdir(parents=True, exist_ok=True)
    path = _RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, ensure_ascii=False, indent=2) + "\n")
    print(f"\n{path}")
