"""A thousand people who only listen, through the gateway."""

from __future__ import annotations

import asyncio

from hosts import Host

from bench.connections import measure


def test_a_thousand_idle_connections(host: Host) -> None:
    found = asyncio.run(measure(f"http://{host.address}/api/v1", host.run, idle=2))
    print(found)
    assert found["reached"] == 1000
    # 35 and 27 were measured, of 1 GiB and 256 MiB that the containers may have.
    assert found["app KiB each"] < 100
    assert found["nginx KiB each"] < 60
