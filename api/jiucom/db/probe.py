"""The readiness check of the database, on its own connection: a busy pool must not look like a dead database."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from jiucom.db.line import Line

log = logging.getLogger(__name__)

_TIMEOUT = 1.0
_LIFETIME = 1.0


class Probe:
    """`options` are what the driver connects with."""

    def __init__(self, options: dict[str, Any], now: Callable[[], float] = time.monotonic) -> None:
        self._line = Line(options)
        self._now = now
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
        self._line.close()

    async def _ask(self) -> bool:
        try:
            async with asyncio.timeout(_TIMEOUT):
                self._answer = await self._line.ask("SELECT 1") == 1
        except Exception as error:
            log.debug("the database does not answer: %r", error)
            self._line.close()
            self._answer = False
        self._answered_at = self._now()
        return self._answer
