"""Waiting for what happens elsewhere."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any


async def eventually(condition: Callable[[], Any], seconds: float = 5) -> Any:
    """What `condition` (plain or async) returns, as soon as it is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.02)
