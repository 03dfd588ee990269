"""Notifications as connections see them, and the interface to their table."""

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class Push(Struct, frozen=True):
    """A notification: its id, its user, and its JSON."""

    id: int
    user_id: int
    body: bytes


class Stored(Protocol):
    """The table of notifications."""

    async def newest(self) -> int:
        """The highest id; 0 without any."""
        ...

    async def after(self, id: int, limit: int) -> Sequence[tuple[int, int]]:
        """Ids and users of those with a higher id, in the order of the ids."""
        ...

    async def read(self, found: Sequence[tuple[int, int]]) -> Sequence[Push]:
        """The notifications that `after` found, in the order of the ids."""
        ...

    async def of_user(self, user_id: int, limit: int) -> Sequence[Push]:
        """The newest ones of a user, in the order of the ids."""
        ...


class Seen:
    """The notifications that a subscription has delivered: the ids of the newest hundred, and all up to a lower id."""

    def __init__(self, upto: int = 0, ids: Sequence[int] = ()) -> None:
        self._upto = upto
        self._ids = set(ids)

    def __contains__(self, id: int) -> bool:
        return id <= self._upto or id in self._ids

    def lists(self, id: int) -> bool:
        """Whether its id is one of the newest hundred. A notification that was committed late has a lower id and is new."""
        return id in self._ids

    def add(self, id: int) -> None:
        """Add a delivered one."""
        self._ids.add(id)
        if len(self._ids) > EXACT:
            lowest = min(self._ids)
            self._ids.discard(lowest)
            self._upto = max(self._upto, lowest)


# Also the limit of missed notifications that are delivered, and of ids in the header `seen`.
EXACT = 100
