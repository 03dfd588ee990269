"""Delivers notifications to the connections of this replica: at once over Redis, and from the table every few seconds, so that
none is lost when Redis is away, or when a replica ends between its commit and its message."""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Sequence

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.deadline import deadline, loop_time, within
from jiucom.errors import ApiError
from jiucom.realtime.bus import Bus
from jiucom.realtime.hub import Hub
from jiucom.realtime.push import Push, Stored
from jiucom.worker import Worker

log = logging.getLogger(__name__)

# Earlier versions use another channel with other messages; both run while replicas are replaced one by one.
_CHANNEL = "jiucom:pushes"
# Interval of reading the table (s).
LOOK = 2.0
# Longer than any transaction between getting an id and its commit (s): until then lower ids may still appear.
_SETTLED = 30.0
_PATIENCE = 5.0
# Rows per reading; if there are more, the next reading begins after them.
_MOST = 10_000
# Messages per round trip: a batch of price alerts has some hundred.
_TOGETHER = 100


class Delivery(Worker):
    """Delivers each notification once to each subscription."""

    def __init__(self, redis: RedisClient, hub: Hub, stored: Stored) -> None:
        self.bus = Bus(redis, _CHANNEL, self._receive)
        self._hub = hub
        self._stored = stored
        self._replica = secrets.token_hex(8).encode()
        # Up to this id no more rows can appear; None before the first reading.
        self._settled: int | None = None
        # Time of each reading, and the last id it found.
        self._looks: deque[tuple[float, int]] = deque()

    async def push(self, pushes: Sequence[Push]) -> None:
        """Deliver committed notifications to their users' connections on all replicas."""
        for push in pushes:
            self._hub.deliver(push)
        messages = [b"%b %d %d %b" % (self._replica, push.id, push.user_id, push.body) for push in pushes]
        try:
            for start in range(0, len(messages), _TOGETHER):
                await self.bus.publish(messages[start : start + _TOGETHER])
        except RedisUnavailableError:
            log.debug("%d notifications reach other replicas when they read the table", len(pushes))

    def start(self) -> None:
        """Start receiving."""
        self.bus.start()
        super().start()

    async def stop(self) -> None:
        """Stop receiving."""
        await super().stop()
        await self.bus.stop()

    def _receive(self, message: bytes) -> None:
        replica, push_id, user_id, body = message.split(b" ", 3)
        # This replica's own notifications are already delivered.
        if replica != self._replica:
            self._hub.deliver(Push(int(push_id), int(user_id), body))

    async def _run(self) -> None:
        while True:
            try:
                async with deadline(within(_PATIENCE)):
                    await self.look()
            except ApiError as error:
                log.debug("notifications are read again later: %s", error.code)
            except Exception:
                log.exception("notifications are read again later")
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Deliver notifications of the table that were not received over Redis. Raises what the database raises."""
        if self._settled is None:
            self._settled = await self._stored.newest()
        found = await self._stored.after(self._settled, _MOST)
        now = loop_time()
        self._looks.append((now, found[-1][0] if found else self._settled))
        while self._looks and (self._looks[0][0] < now - _SETTLED or len(found) == _MOST):
            self._settled = self._looks.popleft()[1]
        lacking = [(push_id, user_id) for push_id, user_id in found if self._hub.lacks(user_id, push_id)]
        for push in await self._stored.read(lacking) if lacking else ():
            self._hub.make_up(push)
