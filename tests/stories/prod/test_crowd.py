"""A thousand people who only listen, through the gateway, under limits that let one address and one user have them all."""

from __future__ import annotations

import asyncio
import json

import pytest
from hosts import Host

from bench.connections import COUNT, measure

LIMITS = ("gateway_realtime_connections", "api_realtime_sessions_per_user", "api_realtime_sessions_per_address")
ON = ("-e", json.dumps(dict.fromkeys(LIMITS, COUNT)))


@pytest.mark.timeout(1200)
def test_a_thousand_idle_connections(host: Host) -> None:
    host.apply(*ON)
    try:
        found = asyncio.run(measure(f"http://{host.address}/api/v1", host.run, idle=2))
    finally:
        host.apply()
    print(found)
    assert found["reached"] == COUNT
    # 35 and 27 were measured, of 1 GiB and 256 MiB that the containers may have.
    assert found["app KiB each"] < 100
    assert found["nginx KiB each"] < 60
