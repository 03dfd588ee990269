"""A connection beside the pool, for questions that must not wait behind requests."""

import logging
from typing import Any

import asyncmy
from asyncmy.connection import Connection

from jiucom.settings import Settings

log = logging.getLogger(__name__)


def options(settings: Settings, host: str, port: int) -> dict[str, Any]:
    """Connection arguments of the driver, for the application's account."""
    return {
        "host": host,
        "port": port,
        "db": settings.db_name,
        "user": settings.db_username,
        "password": settings.db_password,
        "connect_timeout": max(1, int(settings.db_acquire_timeout)),
        # Each statement sees what is committed when it runs.
        "autocommit": True,
    }


class Line:
    """One connection, made at the first question and again when it is lost. Questions must not overlap."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._options = options
        self._connection: Connection | None = None

    async def ask(self, sql: str) -> Any:
        """Run a statement; the first column of the first row, or None. Raises what the driver raises."""
        if self._connection is not None:
            try:
                return await _first(self._connection, sql)
            except Exception as error:
                # The server may have closed an idle connection: try a new one.
                log.debug("a connection beside the pool is gone: %r", error)
                self.close()
        self._connection = await asyncmy.connect(**self._options)
        return await _first(self._connection, sql)

    def close(self) -> None:
        """Close the connection; the next question makes another one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def _first(connection: Connection, sql: str) -> Any:
    async with connection.cursor() as cursor:
        await cursor.execute(sql)
        rows = await cursor.fetchall() if cursor.description else ()
    return rows[0][0] if rows else None
