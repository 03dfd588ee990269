"""Shared by commands: database, cache and Redis for as long as a command runs, and output."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from jiucom.cache import Cache, redis_client
from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.encoding import json_text
from jiucom.jobs.job import Tools
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

# One connection for the work and one for its lease.
_CONNECTIONS = 2
# Longer than in a request: no client waits (s).
_STATEMENT = 120


@asynccontextmanager
async def opened(settings: Settings, *, quiet: bool = False) -> AsyncIterator[tuple[Tools, Metrics]]:
    """The tools of jobs; progress goes to standard error unless `quiet`. Raises what the driver raises."""
    metrics = Metrics()
    few = {name: getattr(settings, name) for name in settings.__struct_fields__} | {"db_pool_size": _CONNECTIONS}
    database = Database(Settings(**few), Clock(settings.time_zone), metrics, _STATEMENT)
    redis = redis_client(settings, metrics)
    await database.connect()
    cache = Cache(redis, database, metrics)
    try:
        progress = (lambda _: None) if quiet else _print_progress
        yield Tools(database, cache, settings, progress), metrics
    finally:
        await cache.stop()
        await redis.close()
        await database.disconnect()


def show(result: Any, lines: list[str], *, as_json: bool) -> None:
    """Print a result: as JSON, or as lines of text."""
    print(json_text(result) if as_json else "\n".join(lines))


def fail(message: str) -> int:
    """Print an error to standard error. Returns the exit code."""
    print(message, file=sys.stderr)
    return 1


async def read_line() -> str:
    """The first line of standard input."""
    line: str = await asyncio.to_thread(sys.stdin.readline)
    return line.rstrip("\r\n")


def _print_progress(progress: str) -> None:
    print(progress, file=sys.stderr)
