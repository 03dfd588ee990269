"""Messages between replicas over Redis pub/sub. Without Redis there are none, and nobody waits."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from redis.exceptions import RedisError

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.worker import Worker

log = logging.getLogger(__name__)

_BEAT = 1.0
# Silence, pongs included, after which the connection is taken for dead (s).
_DEAD = 5.0
_RETRY = 1.0


class Bus(Worker):
    """One channel. `handler` is called on the loop with each message, one's own too; it must not block."""

    def __init__(self, redis: RedisClient, channel: str, handler: Callable[[bytes], None]) -> None:
        self._redis = redis
        self._channel = channel
        self._handler = handler
        # Set while messages are heard.
        self.listening = asyncio.Event()

    async def publish(self, messages: Sequence[bytes]) -> None:
        """Send. Raises RedisUnavailableError, and then nobody knows which ones were heard."""
        await self._redis.pipeline([("PUBLISH", self._channel, message) for message in messages])

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
            await subscription.subscribe(self._channel)
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
                        self._handle(message["data"])
            finally:
                self.listening.clear()

    def _handle(self, message: bytes) -> None:
        try:
            self._handler(message)
        except Exception:
            log.exception("message on %s", self._channel)
