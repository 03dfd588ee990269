"""Settings that change at run time on all replicas: sampling rate and log levels.

They are stored in Redis, and each replica reads them every second. A key that expires gives the deployed value back. While
Redis is away, the last values stay, and a sampling rate with an end still ends in time.
"""

import asyncio
import logging
import time
from math import inf

import msgspec

from jiucom.cache.redis import RedisClient, RedisUnavailableError
from jiucom.telemetry.tracing import Tracing
from jiucom.worker import Worker

log = logging.getLogger(__name__)

# `SET {runtime}:sampling 1.0 EX 900`: a share from 0 to 1.
SAMPLING = "{runtime}:sampling"
# A hash: logger name -> level name.
LOGGERS = "{runtime}:loggers"

_INTERVAL = 1.0

LEVELS = {"OFF": logging.CRITICAL + 10, "ERROR": logging.ERROR, "WARN": logging.WARNING, "INFO": logging.INFO,
          "DEBUG": logging.DEBUG, "TRACE": logging.DEBUG}  # fmt: skip


class RuntimeSettings(Worker):
    """Reads the settings every second and applies them."""

    def __init__(self, redis: RedisClient, tracing: Tracing) -> None:
        self._redis = redis
        self._tracing = tracing
        self._deployed_rate = tracing.rate
        # The loggers that were changed, and their levels before.
        self._deployed_levels: dict[str, int] = {}
        self._sampling_ends = inf

    async def poll(self) -> None:
        """Read the settings once and apply them."""
        try:
            left, rate, levels = await self._redis.pipeline(
                [("PTTL", SAMPLING), ("GET", SAMPLING), ("HGETALL", LOGGERS)]
            )
        except RedisUnavailableError:
            if time.monotonic() >= self._sampling_ends:
                self._apply_rate(None)
            return
        # Negative: not set, or set without an end.
        self._sampling_ends = time.monotonic() + left / 1000 if left >= 0 else inf
        self._apply_rate(rate)
        pairs = levels.items() if isinstance(levels, dict) else zip(levels[::2], levels[1::2], strict=True)
        self.apply_levels({name.decode(): level.decode() for name, level in pairs})

    async def set_level(self, logger: str, level: str | None) -> None:
        """Change a logger on every replica; None restores its deployed level. Raises RedisUnavailableError."""
        if level is None:
            await self._redis.execute("HDEL", LOGGERS, logger)
        else:
            await self._redis.execute("HSET", LOGGERS, logger, level)
        await self.poll()

    def _apply_rate(self, raw: bytes | None) -> None:
        rate = self._deployed_rate
        if raw is not None:
            try:
                rate = min(1.0, max(0.0, msgspec.convert(raw.decode(), float, strict=False)))
            except (msgspec.ValidationError, UnicodeDecodeError):
                log.warning("%s holds no number", SAMPLING)
        if rate != self._tracing.rate:
            log.info("sampling rate is %g now, was %g", rate, self._tracing.rate)
            self._tracing.rate = rate

    def apply_levels(self, wanted: dict[str, str]) -> None:
        """Set the wanted levels, and restore the deployed level of loggers that are no longer named."""
        for name in self._deployed_levels.keys() - wanted.keys():
            _logger(name).setLevel(self._deployed_levels.pop(name))
        for name, level in wanted.items():
            number = LEVELS.get(level.upper())
            if number is not None:
                self._deployed_levels.setdefault(name, _logger(name).level)
                _logger(name).setLevel(number)

    async def _run(self) -> None:
        while True:
            try:
                await self.poll()
            except Exception:
                log.exception("runtime settings could not be applied")
            await asyncio.sleep(_INTERVAL)


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(None if name == "ROOT" else name)
