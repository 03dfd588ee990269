"""Totals of lists. Counting a large list is expensive, so its total is kept for a minute."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable

# Below this, counting is cheap and the number is exact.
EXACT_BELOW = 10_000
_LIFETIME = 60.0
# While one caller counts anew, the others use the old number (s).
_RECOUNT = 5.0
_CAPACITY = 1000


class Totals:
    """Remembers the totals of large lists, per process."""

    def __init__(self) -> None:
        self._known: OrderedDict[Hashable, tuple[int, float]] = OrderedDict()

    async def of(
        self, filters: Hashable, count: Callable[[], Awaitable[int]], *, exact_below: int = EXACT_BELOW
    ) -> int:
        """The total of the list that `filters` describe: the remembered one, or else the result of `count`."""
        known = self.known(filters)
        return self.learn(filters, await count(), exact_below=exact_below) if known is None else known

    def known(self, filters: Hashable) -> int | None:
        """The remembered total of that list. None when there is none; when it has expired, one caller gets None."""
        known = self._known.get(filters)
        if known is None:
            return None
        now, (total, until) = time.monotonic(), known
        if now < until:
            return total
        self._known[filters] = (total, now + _RECOUNT)
        return None

    def learn(self, filters: Hashable, total: int, *, exact_below: int = EXACT_BELOW) -> int:
        """Remember the total of a list that was just counted, if it is large. Returns it."""
        self._known.pop(filters, None)
        if total > exact_below:
            self._known[filters] = (total, time.monotonic() + _LIFETIME)
            if len(self._known) > _CAPACITY:
                self._known.popitem(last=False)
        return total
