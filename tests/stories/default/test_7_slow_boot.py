"""Ten minutes of InnoDB recovery after a power cut, simulated: MySQL is held back that long at boot (B6)."""

from __future__ import annotations

import os

import pytest
from hosts import Host
from slow_boot import cut_the_power, held

# Longer than MySQL's health check is patient (start_period and six tries, three minutes), or the test shows nothing.
SECONDS = int(os.environ.get("JIUCOM_HOLD_SECONDS", "600"))


@pytest.mark.timeout(SECONDS + 900)
def test_a_slow_recovery_ends_in_a_running_platform(host: Host) -> None:
    with held(host, "mysql", "docker-entrypoint.sh mysqld"):
        retries = cut_the_power(host, "mysql", SECONDS)
    assert retries >= 1, "MySQL was up before Compose gave up: set JIUCOM_HOLD_SECONDS to more"
    assert host.get("/api/v1/parts?size=1")[0] == 200
