"""Events of transactions, delivered to their listeners after the commit."""

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

    async def deliver(self, *events: object) -> None:
        """Call the listeners of each event, in the order of their subscription. Several events are delivered concurrently."""
        if len(events) == 1:
            await self._deliver(events[0])
        else:
            await asyncio.gather(*map(self._deliver, events))

    async def _deliver(self, event: object) -> None:
        for listener in self._listeners.get(type(event), ()):
            await listener(event)
