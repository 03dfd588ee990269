"""A Redis cluster: each command goes to the server that has its key's slot, over that server's own connections.

redis-py's cluster client knows which server has which slot. Commands do not go through it, for the reason that `redis.py` gives,
and so that a server that fails has a circuit breaker of its own: the caches, limits and channels of the others go on.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.exceptions import MovedError, RedisError, SlotNotCoveredError

from jiucom.cache.redis import PATIENCE, RedisClient, RedisUnavailableError, Subscription, key_of
from jiucom.deadline import loop_time, punctual, within
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

# After a failure the slots are read again, but not more often than this (s).
_READ_INTERVAL = 0.3


def redis_client(settings: Settings, metrics: Metrics) -> RedisClient:
    """The client for the settings: of a cluster where they name its servers, otherwise of one server."""
    return ClusterClient(settings, metrics) if settings.redis_cluster_nodes else RedisClient(settings, metrics)


class ClusterClient(RedisClient):
    """Commands by name, as RedisClient's. All keys of one command must have one hash tag; those of a pipeline need not."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        super().__init__(settings, metrics)
        # `publish` is for a sharded channel, as `subscribed` is.
        self._sharded = True
        self._settings, self._metrics = settings, metrics
        self._servers: dict[tuple[str, int], RedisClient] = {}
        self._slots = RedisCluster(
            startup_nodes=[ClusterNode(*address) for address in settings.redis_cluster],
            # Read the slots from the configured servers only: their addresses are fixed.
            dynamic_startup_nodes=False,
            # The slots that have a server are served while others have none.
            require_full_coverage=False,
            **{**self._options, "host": None, "socket_connect_timeout": PATIENCE, "socket_timeout": PATIENCE},
        )
        self._reading: asyncio.Task[None] | None = None
        self._read_at = 0.0
        self._lost = False

    @asynccontextmanager
    async def subscribed(self, channel: str) -> AsyncIterator[Subscription]:
        """A subscription at the server that has the channel's slot. Raises RedisError, RedisUnavailableError and OSError."""
        server = await self._server(channel)
        try:
            async with server.subscribed(channel) as subscription:
                yield subscription
        except (RedisError, OSError):
            self._read_slots()
            raise

    async def close(self) -> None:
        """Close every connection."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        for server in self._servers.values():
            await server.close()
        await self._slots.nodes_manager.aclose("startup_nodes")

    async def _run(self, commands: Sequence[Sequence[Any]], name: str, until: float | None) -> list[Any]:
        by_server: dict[RedisClient, list[int]] = {}
        for index, command in enumerate(commands):
            server = await self._server(key_of(command), until)
            by_server.setdefault(server, []).append(index)
        if len(by_server) == 1:
            return await self._ask(server, commands, name, until)
        parts = await asyncio.gather(
            *(
                self._ask(server, [commands[index] for index in indexes], name, until)
                for server, indexes in by_server.items()
            ),
            return_exceptions=True,
        )
        answers: dict[int, Any] = {}
        for indexes, part in zip(by_server.values(), parts, strict=True):
            if isinstance(part, BaseException):
                raise part
            answers.update(zip(indexes, part, strict=True))
        return [answers[index] for index in range(len(commands))]

    async def _ask(
        self, server: RedisClient, commands: Sequence[Sequence[Any]], name: str, until: float | None
    ) -> list[Any]:
        """The answers of a server, or of the one that it says the slot has moved to."""
        try:
            return await server._run(commands, name, until)
        except RedisUnavailableError as error:
            self._read_slots()
            if not isinstance(error.__cause__, MovedError):
                raise
            moved = error.__cause__
        return await self._at((moved.host, moved.port))._run(commands, name, until)

    async def _server(self, key: str | bytes, until: float | None = None) -> RedisClient:
        if not self._slots.nodes_manager.slots_cache:
            reading = self._read_slots()
            # The first requests wait for the answer. Once a reading has failed, none waits for the next.
            if self._lost:
                raise RedisUnavailableError("no server of the cluster answers")
            try:
                async with punctual(within(PATIENCE) if until is None else until):
                    await asyncio.shield(reading)
            except TimeoutError as error:
                raise RedisUnavailableError("no answer in time") from error
        try:
            node = self._slots.get_node_from_key(key)  # type: ignore[arg-type]
        except SlotNotCoveredError as error:
            self._read_slots()
            raise RedisUnavailableError(str(error)) from error
        assert node is not None  # noqa: S101
        return self._at((str(node.host), int(node.port)))

    def _at(self, address: tuple[str, int]) -> RedisClient:
        if address not in self._servers:
            self._servers[address] = RedisClient(self._settings, self._metrics, address)
        return self._servers[address]

    def _read_slots(self) -> asyncio.Task[None]:
        """Begin to read which server has which slot, unless that is under way or has just been done."""
        if self._reading is None or (self._reading.done() and loop_time() - self._read_at > _READ_INTERVAL):
            self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            await self._slots.nodes_manager.initialize()
        except Exception as error:
            if not self._lost:
                log.warning("the cluster's slots cannot be read: %s", error)
            self._lost = True
        else:
            self._lost = False
        finally:
            self._read_at = loop_time()
