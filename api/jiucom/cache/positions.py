"""Up to which point of MySQL's history each user has written, for all replicas of the API."""

import logging

from jiucom.cache.keys import database_position
from jiucom.cache.redis import RedisClient, RedisUnavailableError

log = logging.getLogger(__name__)


class Positions:
    """Sets of GTIDs in Redis."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    async def put(self, user_id: int, position: str, seconds: int) -> None:
        """Keep a user's position for some seconds; lost while Redis is away."""
        try:
            await self._redis.execute("SET", database_position(user_id), position, "EX", seconds)
        except RedisUnavailableError as error:
            log.debug("a position was not kept: %s", error)

    async def get(self, user_id: int) -> str | None:
        """A user's position; None when there is none. Raises RedisUnavailableError."""
        found: bytes | None = await self._redis.execute("GET", database_position(user_id))
        return None if found is None else found.decode()
