"""The Redis client: it answers fast or not at all. Nobody waits for a cache that is away."""

import asyncio
import logging
import re
import time
from collections.abc import Sequence
from typing import Any

from opentelemetry.trace import Span
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from jiucom.settings import Settings
from jiucom.telemetry import tracing
from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

TIMEOUT = 0.2  # s
# How long nobody asks after a failure; then one command tries again while the others still go without (s).
_OPEN = 1.0
# Few: what is under way at once must not keep the event loop so long that answers seem late.
_CONNECTIONS = 10

# Addresses (of IPv6 a limit's network, which ends with `::`), hashes, numbers.
_VARIABLE = re.compile(r"(?<![0-9a-z])(?:[0-9a-f:]*::[0-9a-f:]*|\d+(?:\.\d+){3})|[0-9a-f]{16,}|\d+")


class RedisUnavailableError(Exception):
    """Redis did not answer in time, refused, or has just failed to."""


class RedisClient:
    """Commands by name, `bytes` in the answers. Every one may raise RedisUnavailableError: decide what happens then."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._calls = metrics.redis_calls
        self._failures = metrics.redis_failures
        self._children: dict[str, Any] = {}
        self._closed_until = 0.0
        self._warned = 0.0
        self._options: dict[str, Any] = {
            "host": settings.redis_host,
            "port": settings.redis_port,
            "username": settings.redis_username if settings.redis_password else None,
            "password": settings.redis_password or None,
            "socket_connect_timeout": TIMEOUT,
            "retry": Retry(NoBackoff(), 0),
            "client_name": "jiucom-api",
            "protocol": 2,
        }
        self._redis = Redis(
            connection_pool=ConnectionPool(**self._options, socket_timeout=TIMEOUT, max_connections=_CONNECTIONS)
        )
        # Who has to wait for one of our connections does not take Redis for absent.
        self._slots = asyncio.Semaphore(_CONNECTIONS)

    async def execute(self, *command: Any) -> Any:
        """One command: `await redis.execute("SET", key, value, "EX", 60)`."""
        return (await self._run([command], command[0]))[0]

    async def pipeline(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Several commands in one round trip, not atomic; keys need not be of one scope."""
        return await self._run(commands, "PIPELINE") if commands else []

    def subscriber(self) -> Redis:
        """A client for a subscription, which waits for messages: with a connection and no timeout of its own."""
        return Redis(**self._options, socket_timeout=None)

    async def close(self) -> None:
        """Close every connection."""
        await self._redis.aclose()

    async def _run(self, commands: Sequence[Sequence[Any]], name: str) -> list[Any]:
        async with self._slots:
            return await self._try(commands, name)

    async def _try(self, commands: Sequence[Sequence[Any]], name: str) -> list[Any]:
        now = time.monotonic()
        if now < self._closed_until:
            self._failures.inc()
            raise RedisUnavailableError("circuit open")
        if self._closed_until:
            # This one tries; the others go on without until it has an answer.
            self._closed_until = now + _OPEN
        for command in commands:
            self._count(command[0])
        span = _span(name, commands)
        try:
            answers = await self._send(commands)
        except (RedisError, OSError) as error:
            tracing.finish(span, error)
            self._fail(error)
            raise RedisUnavailableError(str(error)) from error
        except BaseException as error:
            tracing.finish(span, error)
            raise
        tracing.finish(span)
        self._closed_until = 0.0
        return answers

    async def _send(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        # redis-py bounds each read and write; what waits in between (a connection's handshake) it does not.
        async with asyncio.timeout(2 * TIMEOUT):
            if len(commands) == 1:
                return [await self._redis.execute_command(*commands[0])]  # type: ignore[no-untyped-call]
            pipeline = self._redis.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            return list(await pipeline.execute())

    def _count(self, command: str) -> None:
        child = self._children.get(command)
        if child is None:
            child = self._children[command] = self._calls.labels(command)
        child.inc()

    def _fail(self, error: Exception) -> None:
        self._failures.inc()
        now = time.monotonic()
        # A refused command is this command's failure; everything else is Redis's.
        if not isinstance(error, ResponseError):
            self._closed_until = now + _OPEN
        if now - self._warned > 1:
            self._warned = now
            log.warning("redis does not answer: %s: %s", type(error).__name__, error)


def _span(name: str, commands: Sequence[Sequence[Any]]) -> Span | None:
    span = tracing.child(f"redis {name}", db_system_name="redis", db_operation_name=name)
    if span is not None:
        span.set_attribute("db.query.text", "; ".join(map(_shown, commands)))
    return span


def _shown(command: Sequence[Any]) -> str:
    """A command without its values."""
    # A script's key stands behind the script and the number of keys.
    key = command[3:4] if command[0] == "EVAL" else command[1:2]
    return " ".join([str(command[0]), *map(key_pattern, key)])


def key_pattern(key: object) -> str:
    """A key without what differs between rows: `{part:7}:detail` is `{part:*}:detail`."""
    return _VARIABLE.sub("*", key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key))
