"""How notifications come to the connections of this replica: at once over Redis, and by a look at the table every few
seconds, so that none is lost when Redis is away, or when a replica ends between its commit and the message."""

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

# Not the one of earlier versions, whose messages say something else: replicas are replaced one by one.
_CHANNEL = "jiucom:pushes"
# How often the table is looked at (s).
LOOK = 2.0
# Longer than a transaction lasts, from the id that it is given to its commit (s): what appears late has a lower id.
_SETTLED = 30.0
_PATIENCE = 5.0
# Rows of one look; where there are more, the next one begins behind them.
_MOST = 10_000
# Messages in one round trip: a batch of price alerts is some hundred.
_TOGETHER = 100


class Delivery(Worker):
    """Each notification once to each subscription."""

    def __init__(self, redis: RedisClient, hub: Hub, stored: Stored) -> None:
        self.bus = Bus(redis, _CHANNEL, self._hear)
        self._hub = hub
        self._stored = stored
        self._replica = secrets.token_hex(8).encode()
        # Up to here everything has been looked at for long enough; None before the first look.
        self._settled: int | None = None
        # When the table was looked at, and up to which id.
        self._looks: deque[tuple[float, int]] = deque()

    async def push(self, pushes: Sequence[Push]) -> None:
        """Bring committed notifications to their users, wherever they are connected."""
        for push in pushes:
            self._hub.deliver(push)
        messages = [b"%b %d %d %b" % (self._replica, push.id, push.user_id, push.body) for push in pushes]
        try:
            for start in range(0, len(messages), _TOGETHER):
                await self.bus.publish(messages[start : start + _TOGETHER])
        except RedisUnavailableError:
            log.debug("%d notifications reach other replicas with their next look", len(pushes))

    def start(self) -> None:
        """Begin to hear other replicas."""
        self.bus.start()
        super().start()

    async def stop(self) -> None:
        """End what `start` began."""
        await super().stop()
        await self.bus.stop()

    def _hear(self, message: bytes) -> None:
        replica, push_id, user_id, body = message.split(b" ", 3)
        # Our own are delivered already, with or without Redis.
        if replica != self._replica:
            self._hub.deliver(Push(int(push_id), int(user_id), body))

    async def _run(self) -> None:
        while True:
            try:
                async with deadline(within(_PATIENCE)):
                    await self.look()
            except ApiError as error:
                log.debug("notifications are looked at later: %s", error.code)
            except Exception:
                log.exception("notifications are looked at later")
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Bring what is in the table and was not heard of. Raises what the database raises when it is away."""
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
