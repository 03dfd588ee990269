"""Messages between replicas over Redis pub/sub. Without Redis there are none, and nobody waits."""

import asyncio
import logging
import time
from collections.abc import Callable

from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.worker import Worker

log = logging.getLogger(__name__)

Handler = Callable[[bytes], None]

_BEAT = 1.0
# Silence, pongs included, after which the connection is taken for dead (s).
_DEAD = 5.0
_RETRY = 1.0


class Bus(Worker):
    """Handlers by channel, called on the loop; they must not block."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis
        self._handlers: dict[str, Handler] = {}
        self._subscription: PubSub | None = None
        # Set while messages are heard.
        self.listening = asyncio.Event()

    async def publish(self, channel: str, message: bytes) -> int:
        """Send; how many replicas got it. Raises RedisUnavailableError."""
        return int(await self._redis.execute("PUBLISH", channel, message))

    def handle(self, channel: str, handler: Handler) -> None:
        """Hear a channel from the start on: call it before `start`."""
        self._handlers[channel] = handler

    async def subscribe(self, channel: str, handler: Handler) -> None:
        """Hear a channel from now on, or as soon as Redis is there."""
        self._handlers[channel] = handler
        if self._subscription is not None:
            try:
                await self._subscription.subscribe(channel)
            except (RedisError, OSError) as error:
                log.debug("subscribed with the next connection: %s", error)

    async def unsubscribe(self, channel: str) -> None:
        """Hear it no more."""
        self._handlers.pop(channel, None)
        if self._subscription is not None:
            try:
                await self._subscription.unsubscribe(channel)
            except (RedisError, OSError) as error:
                log.debug("unsubscribed with the connection: %s", error)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, RedisUnavailableError, OSError) as error:
                log.info("other replicas are not heard: %s", error)
            except Exception:
                log.exception("other replicas are not heard")
            await asyncio.sleep(_RETRY)

    async def _listen(self) -> None:
        client = self._redis.subscriber()
        async with client, client.pubsub() as subscription:
            subscribed: set[str] = set()
            # Channels may be added while we subscribe to the others.
            while missing := self._handlers.keys() - subscribed:
                await subscription.subscribe(*missing)
                subscribed |= missing
            self._subscription = subscription
            heard = time.monotonic()
            try:
                while True:
                    message = await subscription.get_message(timeout=_BEAT)
                    if message is None:
                        if time.monotonic() - heard > _DEAD:
                            raise ConnectionError("no answer to a ping")
                        await subscription.ping()
                        continue
                    heard = time.monotonic()
                    if message["type"] == "subscribe":
                        self.listening.set()
                    elif message["type"] == "message":
                        self._handle(message["channel"].decode(), message["data"])
            finally:
                self._subscription = None
                self.listening.clear()

    def _handle(self, channel: str, data: bytes) -> None:
        handler = self._handlers.get(channel)
        if handler is None:
            return
        try:
            handler(data)
        except Exception:
            log.exception("message on %s", channel)
