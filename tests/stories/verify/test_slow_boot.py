"""The short form of default/test_7_slow_boot.py: Redis with little patience stands for MySQL, seconds for minutes."""

from __future__ import annotations

from hosts import Host
from slow_boot import cut_the_power, held

IMPATIENT = {"interval": "2s", "start_period": "1s", "retries": "2"}


def test_a_slow_start_after_a_power_cut_ends_in_a_running_platform(host: Host) -> None:
    with held(host, "redis", "redis-server /usr/local/etc/redis/redis.conf", IMPATIENT):
        retries = cut_the_power(host, "redis", seconds=15)
    assert retries >= 1, "Redis was up before Compose gave up: hold it longer"
    assert host.get("/health") == (200, "OK")
