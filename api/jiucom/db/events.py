"""What happened in a transaction, told to those who listen once it has committed."""

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

    async def tell(self, event: object) -> None:
        """Call the listeners of `event`, in the order they came."""
        for listener in self._listeners.get(type(event), ()):
            await listener(event)
