"""Messages between replicas: received by each, in order, also after a lost connection."""

import asyncio
from collections.abc import Callable

import pytest

from jiucom.cache.redis import RedisClient
from jiucom.realtime.bus import Bus
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics
from testing import servers
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

MESSAGES = [b"%d" % number for number in range(200)]


async def test_each_message_once_and_in_order(redis_server: tuple[str, int], settings: Settings) -> None:
    redis = RedisClient(settings, Metrics())
    heard: list[list[bytes]] = [[], []]
    buses = [Bus(redis, "test:bus", each.append) for each in heard]
    for bus in buses:
        bus.start()
    try:
        for bus in buses:
            await eventually(bus.listening.is_set)
        for start in range(0, len(MESSAGES), 50):
            await buses[0].publish(MESSAGES[start : start + 50])
        await eventually(lambda: heard == [MESSAGES, MESSAGES])
    finally:
        for bus in buses:
            await bus.stop()
        await redis.close()


async def test_a_redis_that_takes_connections_and_says_nothing_is_asked_again(
    changed: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jiucom.cache.redis._CONNECT_TIMEOUT", 0.1)
    asked: list[bytes] = []

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.read(100))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        redis = RedisClient(changed(redis_port=server.sockets[0].getsockname()[1]), Metrics())
        bus = Bus(redis, "test:silent", lambda _: None)
        bus.start()
        try:
            await eventually(lambda: len(asked) >= 2)
            assert not bus.listening.is_set()
        finally:
            await bus.stop()
            await redis.close()


async def test_the_bus_continues_after_a_handler_fails(
    redis_server: tuple[str, int], settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    redis = RedisClient(settings, Metrics())
    heard: list[bytes] = []

    def handle(message: bytes) -> None:
        heard.append(message)
        if message == b"bad":
            raise ZeroDivisionError

    bus = Bus(redis, "test:bad", handle)
    bus.start()
    try:
        await eventually(bus.listening.is_set)
        await bus.publish([b"bad", b"good"])
        await eventually(lambda: heard == [b"bad", b"good"])
        assert "ZeroDivisionError" in caplog.text
    finally:
        await bus.stop()
        await redis.close()


async def test_the_bus_listens_again_when_redis_is_back(changed: Callable[..., Settings]) -> None:
    with servers.redis() as (container, port):
        redis = RedisClient(changed(redis_port=port), Metrics())
        heard: list[bytes] = []
        bus = Bus(redis, "test:again", heard.append)
        bus.start()
        try:
            await eventually(bus.listening.is_set)
            await asyncio.to_thread(servers.docker, "restart", "--time", "0", container)
            await eventually(lambda: not bus.listening.is_set())
            await eventually(bus.listening.is_set, 20)
            await bus.publish([b"again"])
            await eventually(lambda: heard == [b"again"])
        finally:
            await bus.stop()
            await redis.close()
