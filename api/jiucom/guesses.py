"""Limits wrong passwords per account: so many networks may fail at one account within a minute.

Each network has its own limit of failures too (`limits.LOGIN`). So one attacker cannot lock an account, and many networks
cannot guess at it without a limit. Networks that the account has logged in from are not counted, so that its owner is not
locked out.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from cachetools import TTLCache

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.limiter import MAX_LOCAL, WINDOW, RateLimiter, network
from jiucom.settings import Settings

NAME = "login-account"

# How long a network is known after a login from it (s).
_KNOWN = 90 * 24 * 3600

# KEYS: the set of networks that failed; the flag that this network is known. Returns: allowed, rest of the window (ms).
_ENTER = """
if redis.call('EXISTS', KEYS[2]) == 1 then return {1, 0} end
local inside = redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1
if not inside and redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then return {0, redis.call('PTTL', KEYS[1])} end
redis.call('SADD', KEYS[1], ARGV[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return {1, 0}
"""


def account_key(user_id: int | None, email: str) -> str:
    """The key that failures at an account are counted by: its id, however the address is spelled.

    An address without an account has the same limit, so that the limit does not tell which addresses exist.
    """
    if user_id is not None:
        return f"user-{user_id}"
    # No personal data in keys.
    return f"none-{hashlib.sha256(email.casefold().encode()).hexdigest()[:32]}"


class Guesses:
    """Counts the networks that fail at an account and refuses further ones; per process while Redis is away."""

    def __init__(self, settings: Settings, redis: RedisClient, limiter: RateLimiter) -> None:
        self._allowed = settings.rate_limit_login
        self._redis = redis
        self._limiter = limiter
        self._guessing: TTLCache[str, set[str]] = TTLCache(MAX_LOCAL, WINDOW)
        self._known: TTLCache[str, bool] = TTLCache(MAX_LOCAL, _KNOWN)

    @asynccontextmanager
    async def at(self, account: str, address: str) -> AsyncIterator[None]:
        """Use it around the check of a password of `account`, sent from `address`. The block raises ApiError when it is wrong.

        Raises ApiError 429 with `Retry-After` when enough other networks have failed.
        """
        subject = network(address)
        guessing, known = _keys(account, subject)
        await self._enter(guessing, known, subject)
        yield
        await self._remember(guessing, known, subject)

    async def remember(self, account: str, address: str) -> None:
        """Make the network of `address` a known one of `account` (at sign-up)."""
        subject = network(address)
        await self._remember(*_keys(account, subject), subject)

    async def _enter(self, guessing: str, known: str, subject: str) -> None:
        keys = (guessing, known)
        try:
            allowed, rest = await self._redis.execute("EVAL", _ENTER, 2, *keys, subject, self._allowed, WINDOW * 1000)
        except RedisUnavailableError:
            networks = self._guessing.setdefault(guessing, set())
            allowed, rest = known in self._known or subject in networks or len(networks) < self._allowed, WINDOW * 1000
            if allowed and known not in self._known:
                networks.add(subject)
        if not allowed:
            raise self._limiter.refusal(NAME, rest)

    async def _remember(self, guessing: str, known: str, subject: str) -> None:
        """The password was right: the network is known, and no longer counted."""
        self._known[known] = True
        self._guessing.get(guessing, set()).discard(subject)
        try:
            await self._redis.pipeline([("SET", known, 1, "EX", _KNOWN), ("SREM", guessing, subject)])
        except RedisUnavailableError:
            # The network stays counted until the window ends, and only this process knows it.
            return


def _keys(account: str, subject: str) -> tuple[str, str]:
    guessing = f"{{limit:{NAME}:{account}}}"
    return guessing, f"{guessing}:known:{subject}"
