"""The readiness check of the database, on its own connection: a busy pool must not look like a dead database."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import asyncmy
from asyncmy.connection import Connection

log = logging.getLogger(__name__)

_TIMEOUT = 1.0
_LIFETIME = 1.0


class Probe:
    """`options` are what the driver connects with."""

    def __init__(self, options: dict[str, Any], now: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._now = now
        self._connection: Connection | None = None
        self._asking: asyncio.Task[bool] | None = None
        self._answer = False
        self._answered_at = -_LIFETIME

    async def is_alive(self) -> bool:
        """Whether the database answered within a second. Concurrent callers share one check; a result is at most a second old."""
        if self._now() - self._answered_at < _LIFETIME:
            return self._answer
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask())
        return await asyncio.shield(self._asking)

    async def close(self) -> None:
        """Close the connection."""
        if self._asking is not None:
            await asyncio.wait({self._asking})
        self._drop()

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT):
                self._answer = await self._select()
        except Exception as error:
            log.debug("the database does not answer: %r", error)
            self._drop()
            self._answer = False
        self._answered_at = self._now()
        return self._answer

    async def _select(self) -> bool:
        if self._connection is not None:
            try:
                return await _select(self._connection)
            except Exception as error:
                # The server may have closed an idle connection: try a new one.
                log.debug("the connection of the readiness check is gone: %r", error)
                self._drop()
        self._connection = await asyncmy.connect(**self._options)
        return await _select(self._connection)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


async def _select(connection: Connection) -> bool:
    async with connection.cursor() as cursor:
        await cursor.execute("SELECT 1")
        return [tuple(row) for row in await cursor.fetchall()] == [(1,)]
