"""What happened in a transaction, told to those who listen once it has committed."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

E = TypeVar("E")


class Events:
    """Listeners by the type of event."""

    def __init__(self) -> None:
        self._listeners: dict[type, list[Callable[[Any], Awaitable[None]]]] = {}

    def subscribe(self, kind: type[E], listener: Callable[[E], Awaitable[None]]) -> None:
        """Call `listener` with every committed event of exactly this type."""
        self._listeners.setdefault(kind, []).append(listener)

    async def tell(self, *events: object) -> None:
        """Call the listeners of each event, in the order they came; of several events at the same time."""
        if len(events) == 1:
            await self._tell(events[0])
        else:
            await asyncio.gather(*map(self._tell, events))

    async def _tell(self, event: object) -> None:
        for listener in self._listeners.get(type(event), ()):
            await listener(event)
