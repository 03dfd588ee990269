"""What is measured: a server process on real MySQL and Redis, with a catalogue of a given size."""

import itertools
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bench.catalogue import fill
from jiucom.auth.tokens import Tokens
from jiucom.settings import Settings
from testing.database import drop_database, make_database, root
from testing.replica import Replica, replica

_RESULTS = Path(__file__).parents[1] / ".cache" / "bench"


@asynccontextmanager
async def platform(
    mysql: tuple[int, str], redis_port: int, parts: int, **values: Any
) -> AsyncIterator[tuple[Replica, Settings, Any]]:
    """A server over `parts` parts, its settings (`values` are some of them), and root's cursor of its schema."""
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
            await fill(cursor, parts)
            async with replica(settings, module="bench.serve") as running:
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
