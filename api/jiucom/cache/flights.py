"""Single flight: concurrent requests for the same value share one load."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from jiucom.deadline import loop_time
from jiucom.worker import end

# How long a finished load can still be joined, by requests that missed the value just before it was stored (s).
_FOUND_FOR = 0.5


@dataclass(frozen=True, slots=True)
class _Flight:
    version: bytes | None
    began: float
    task: asyncio.Task[bytes]


class Flights:
    """The latest load of each key, by scope. `version` is the scope's version before the load, None when Redis is away."""

    def __init__(self) -> None:
        self._latest: dict[str, dict[str, _Flight]] = {}
        self._running: set[asyncio.Task[bytes]] = set()

    def __bool__(self) -> bool:
        return bool(self._running)

    async def join(
        self,
        scope: str,
        key: str,
        version: bytes | None,
        asked: float,
        load: Callable[[], Coroutine[Any, Any, bytes]],
    ) -> bytes:
        """The result of a load that is as new as one begun at `asked` (s, the loop's time).

        Joins a running or just finished load that is new enough, or begins `load`. The load goes on when the caller is
        cancelled. Raises what the load raises.
        """
        flight = self._latest.get(scope, {}).get(key)
        if flight is None or not _is_good(flight, version, asked):
            flight = self._begin(scope, key, version, load)
        return await asyncio.shield(flight.task)

    def leave(self, scope: str) -> None:
        """Let no later request join loads of this scope that have begun: they may have read the state before a change."""
        self._latest.pop(scope, None)

    async def stop(self) -> None:
        """End all loads."""
        await end(*self._running)

    def _begin(
        self, scope: str, key: str, version: bytes | None, load: Callable[[], Coroutine[Any, Any, bytes]]
    ) -> _Flight:
        task = asyncio.create_task(load())
        flight = self._latest.setdefault(scope, {})[key] = _Flight(version, loop_time(), task)
        self._running.add(task)
        task.add_done_callback(lambda _: self._finished(scope, key, flight))
        return flight

    def _finished(self, scope: str, key: str, flight: _Flight) -> None:
        self._running.discard(flight.task)
        # Reads the exception, which asyncio would otherwise report as never retrieved.
        asyncio.get_running_loop().call_later(
            0 if _failed(flight.task) else _FOUND_FOR, self._forget, scope, key, flight
        )

    def _forget(self, scope: str, key: str, flight: _Flight) -> None:
        flights = self._latest.get(scope, {})
        if flights.get(key) is flight:
            del flights[key]
            if not flights:
                del self._latest[scope]


def _is_good(flight: _Flight, version: bytes | None, asked: float) -> bool:
    """Whether the load's result is new enough.

    It is when the load began after the request asked, or under the same version (also when it has finished). Without
    Redis the version is unknown: then a running load is accepted, or many requests would repeat a slow load.
    """
    if flight.began >= asked:
        return True
    if version is None:
        return flight.version is None and not flight.task.done()
    return flight.version == version and not _failed(flight.task)


def _failed(task: asyncio.Task[bytes]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
