"""The Redis client: a command gets its answer fast or fails, so that requests do not wait for an absent Redis.

It uses redis-py's connections without its client and pool, which take as much time as the command itself.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.trace import Span
from redis.asyncio import Connection, Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from jiucom.deadline import loop_time, punctual, within
from jiucom.settings import Settings
from jiucom.telemetry import tracing
from jiucom.telemetry.metrics import Metrics

log = logging.getLogger(__name__)

# A new connection, and a subscription on it (s).
_CONNECT_TIMEOUT = 1.0
# Timeout of one command, including the handshake of a new connection (s).
PATIENCE = 0.4
# After so many timeouts in a row Redis counts as absent: for ordinary commands, and for the cache's with their short timeout.
_LATE_IN_A_ROW, _LATE_IN_A_ROW_OF_CACHE = 2, 5
# How long no command is sent after that; then one command tries again while the others still fail at once (s).
_OPEN = 1.0
# Few, so that answers that arrive together do not keep the event loop so long that the last ones seem late.
_CONNECTIONS = 10

# Addresses (of IPv6 a limit's network, which ends with `::`), hashes, numbers.
_VARIABLE = re.compile(r"(?<![0-9a-z])(?:[0-9a-f:]*::[0-9a-f:]*|\d+(?:\.\d+){3})|[0-9a-f]{16,}|(?<!:v)\d+")


class RedisUnavailableError(Exception):
    """Redis did not answer in time, refused the command, or counts as absent."""


@dataclass(slots=True)
class _Lane:
    """Connections for one kind of commands, with a circuit breaker of their own."""

    late_in_a_row: int
    # Waiting for a free connection does not count as a late answer.
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CONNECTIONS))
    # At rest, connected or not.
    connections: list[Connection] = field(default_factory=list)
    closed_until: float = 0.0
    # Timeouts in a row. Of commands under way at the same time only one counts: they may be late together.
    late: int = 0
    late_at: float = 0.0


class Subscription:
    """One channel, on a connection of its own."""

    def __init__(self, messages: PubSub) -> None:
        self._messages = messages

    async def next(self, seconds: float | None) -> tuple[str, bytes] | None:
        """Receive one message: its kind (`subscribe`, `message` or `pong`) and its data; None after `seconds` without one.

        Raises RedisError and OSError when the connection is lost, or when its server no longer serves the channel.
        """
        message = await self._messages.get_message(timeout=seconds)
        if message is None:
            return None
        if message["type"] == "sunsubscribe":
            raise RedisError("the channel has moved to another server")
        return _KINDS.get(message["type"], message["type"]), message["data"]

    async def ping(self) -> None:
        """Ask for a pong."""
        await self._messages.ping()


# Of sharded channels, as a cluster has them.
_KINDS = {"smessage": "message", "ssubscribe": "subscribe"}


class RedisClient:
    """Commands by name, answers as `bytes`. Every command may raise RedisUnavailableError.

    `node` is the address of one server of a cluster, instead of the settings' (`cluster.py`).
    """

    def __init__(self, settings: Settings, metrics: Metrics, node: tuple[str, int] | None = None) -> None:
        self._calls = metrics.redis_calls
        self._failures = metrics.redis_failures
        self._children: dict[str, Any] = {}
        self._warned = 0.0
        host, port = node or (settings.redis_host, settings.redis_port)
        # A cluster passes messages of ordinary channels to each server; sharded channels stay with the one of their slot.
        self._sharded = node is not None
        self._options: dict[str, Any] = {
            "host": host,
            "port": port,
            "username": settings.redis_username if settings.redis_password else None,
            "password": settings.redis_password or None,
            "socket_connect_timeout": _CONNECT_TIMEOUT,
            # `punctual` limits the time of an answer instead: it can tell a busy event loop from a silent Redis.
            "socket_timeout": None,
            "retry": Retry(NoBackoff(), 0),
            "client_name": "jiucom-api",
            "protocol": 2,
        }
        # The cache gives up early, which costs a connection, and a new one takes several round trips: it has its own.
        self._cache, self._rest = _Lane(_LATE_IN_A_ROW_OF_CACHE), _Lane(_LATE_IN_A_ROW)

    async def execute(self, *command: Any, until: float | None = None) -> Any:
        """One command: `await redis.execute("SET", key, value, "EX", 60)`.

        The cache gives `until` (s, the event loop's time), the wait for a connection included. Its commands have connections
        and a circuit breaker of their own: while its reads get answers, its writes do too.
        """
        return (await self._run([command], command[0], until))[0]

    async def pipeline(self, commands: Sequence[Sequence[Any]], *, until: float | None = None) -> list[Any]:
        """Several commands in one round trip, not atomic; keys need not be of one scope."""
        return await self._run(commands, "PIPELINE", until) if commands else []

    async def publish(self, channel: str, messages: Sequence[bytes]) -> None:
        """Send messages to all subscribers of the channel; some may have been sent when it fails."""
        publish = "SPUBLISH" if self._sharded else "PUBLISH"
        await self.pipeline([(publish, channel, message) for message in messages])

    @asynccontextmanager
    async def subscribed(self, channel: str) -> AsyncIterator[Subscription]:
        """A subscription on a connection of its own, not confirmed yet.

        Raises RedisError, OSError, and TimeoutError where Redis takes the connection and says nothing.
        """
        async with Redis(**self._options) as client, client.pubsub() as messages:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                if self._sharded:
                    await messages.ssubscribe(channel)
                else:
                    await messages.subscribe(channel)
            yield Subscription(messages)

    async def close(self) -> None:
        """Close every connection."""
        for lane in (self._cache, self._rest):
            for connection in lane.connections:
                await connection.disconnect(nowait=True)

    async def _run(self, commands: Sequence[Sequence[Any]], name: str, until: float | None) -> list[Any]:
        lane = self._rest if until is None else self._cache
        began = loop_time()
        try:
            if until is None:
                async with lane.slots, punctual(within(PATIENCE)):
                    return await self._try(lane, commands, name)
            async with punctual(until), lane.slots:
                return await self._try(lane, commands, name)
        except TimeoutError as error:
            if began >= lane.late_at:
                lane.late, lane.late_at = lane.late + 1, loop_time()
            self._fail(lane, error, absent=lane.late >= lane.late_in_a_row)
            raise RedisUnavailableError("no answer in time") from error

    async def _try(self, lane: _Lane, commands: Sequence[Sequence[Any]], name: str) -> list[Any]:
        now = time.monotonic()
        if now < lane.closed_until:
            self._failures.inc()
            raise RedisUnavailableError("circuit open")
        if lane.closed_until:
            # This command tries again; the others fail at once until it has an answer.
            lane.closed_until = now + _OPEN
        for command in commands:
            self._count(command[0])
        span = _span(name, commands)
        connection = lane.connections.pop() if lane.connections else Connection(**self._options)
        try:
            answers = await _send(connection, commands)
        except (RedisError, OSError) as error:
            tracing.finish(span, error)
            # A refused command is a failure of the command alone; everything else one of Redis.
            self._fail(lane, error, absent=not isinstance(error, ResponseError))
            raise RedisUnavailableError(str(error)) from error
        except BaseException as error:
            tracing.finish(span, error)
            raise
        finally:
            lane.connections.append(connection)
        tracing.finish(span)
        lane.closed_until, lane.late = 0.0, 0
        return answers

    def _count(self, command: str) -> None:
        child = self._children.get(command)
        if child is None:
            child = self._children[command] = self._calls.labels(command)
        child.inc()

    def _fail(self, lane: _Lane, error: Exception, *, absent: bool) -> None:
        """Count a failure; if Redis counts as absent, open the circuit of this lane."""
        self._failures.inc()
        now = time.monotonic()
        if absent:
            lane.closed_until = now + _OPEN
        if now - self._warned > 1:
            self._warned = now
            log.warning("redis does not answer: %s: %s", type(error).__name__, error)


async def _send(connection: Connection, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """The answers. Raises ResponseError for the first command that is refused."""
    task = asyncio.current_task()
    cancelled_before = task.cancelling() if task else 0
    answers: list[Any] = []
    try:
        if connection._reader is not None and connection._reader.at_eof():
            # The server closed the idle connection: connect anew.
            await connection.disconnect(nowait=True)
        await connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        for _ in commands:
            try:
                answers.append(await connection.read_response())
            except ResponseError as error:
                answers.append(error)
    finally:
        if len(answers) < len(commands):
            await connection.disconnect(nowait=True)
        # redis-py sometimes swallows CancelledError, and the deadline would be lost.
        if task and task.cancelling() > cancelled_before:
            raise asyncio.CancelledError
    for answer in answers:
        if isinstance(answer, ResponseError):
            raise answer
    return answers


def _span(name: str, commands: Sequence[Sequence[Any]]) -> Span | None:
    span = tracing.child(f"redis {name}", db_system_name="redis", db_operation_name=name)
    if span is not None:
        span.set_attribute("db.query.text", "; ".join(map(_shown, commands)))
    return span


def _shown(command: Sequence[Any]) -> str:
    """A command without its values."""
    return " ".join([str(command[0]), *([key_pattern(key_of(command))] if len(command) > 1 else [])])


def key_of(command: Sequence[Any]) -> Any:
    """The first key of a command, or its channel."""
    # EVAL script numkeys key ...
    return command[3 if command[0] == "EVAL" else 1]


def key_pattern(key: object) -> str:
    """A key without its variable parts: `{part:7}:detail` is `{part:*}:detail`."""
    return _VARIABLE.sub("*", key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key))
