"""Messages between replicas over Redis pub/sub. Without Redis they are lost; nothing waits for them."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.worker import Worker

log = logging.getLogger(__name__)

_BEAT = 1.0
# Without any message or pong for so long the connection counts as dead (s).
_DEAD = 5.0
_RETRY = 1.0


class Bus(Worker):
    """One channel. `handler` is called on the event loop with each message, also this process's own; it must not block."""

    def __init__(self, redis: RedisClient, channel: str, handler: Callable[[bytes], None]) -> None:
        self._redis = redis
        self._channel = channel
        self._handler = handler
        # Set while the subscription is active.
        self.listening = asyncio.Event()

    async def publish(self, messages: Sequence[bytes]) -> None:
        """Send. Raises RedisUnavailableError; some of the messages may have been sent then."""
        await self._redis.publish(self._channel, messages)

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except (RedisError, RedisUnavailableError, OSError) as error:
                log.info("messages of other replicas are not received: %s", error)
            except Exception:
                log.exception("messages of other replicas are not received")
            await asyncio.sleep(_RETRY)

    async def _listen(self) -> None:
        async with self._redis.subscribed(self._channel) as subscription:
            last_message = time.monotonic()
            try:
                while True:
                    received = await subscription.next(_BEAT)
                    if received is None:
                        if time.monotonic() - last_message > _DEAD:
                            raise ConnectionError("no answer to a ping")
                        await subscription.ping()
                        continue
                    last_message = time.monotonic()
                    kind, data = received
                    if kind == "subscribe":
                        self.listening.set()
                    elif kind == "message":
                        self._handle(data)
            finally:
                self.listening.clear()

    def _handle(self, message: bytes) -> None:
        try:
            self._handler(message)
        except Exception:
            log.exception("message on %s", self._channel)
