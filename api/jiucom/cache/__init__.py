"""Redis: client, table of caches, read-through, invalidation. Domains import from here."""

from jiucom.cache import keys
from jiucom.cache.cache import Cache, Unstored
from jiucom.cache.cluster import redis_client
from jiucom.cache.redis import RedisClient, RedisUnavailableError

__all__ = ["Cache", "RedisClient", "RedisUnavailableError", "Unstored", "keys", "redis_client"]
