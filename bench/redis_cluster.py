"""Each server of a Redis cluster is killed and started again, and each primary is stopped, under writes of the API's client.

Printed: acknowledged writes, those that the API would have done without Redis, until when, and acknowledged ones that are lost.
"""

import asyncio
import time
from dataclasses import dataclass, field

from jiucom.cache import RedisClient, RedisUnavailableError, redis_client
from jiucom.settings import Settings
from jiucom.telemetry.metrics import Metrics
from testing.redis_cluster import Cluster, await_whole, redis_cluster

RATE = 200  # writes per second
# As the role cache has it (ms).
NODE_TIMEOUT = 5000
# Docker starts a process again after about so long (s).
RESTART = 1.2
LASTS = 10.0  # s, longer than any failover


@dataclass
class Writes:
    """Results of writes: the numbers of the acknowledged ones, and the times at which others failed."""

    acknowledged: list[int] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)

    async def write(self, redis: RedisClient, number: int) -> None:
        """One write."""
        try:
            await redis.execute("SET", f"{{bench:{number}}}", number)
            self.acknowledged.append(number)
        except RedisUnavailableError:
            self.failed.append(time.monotonic())

    async def go_on(self, redis: RedisClient, seconds: float) -> None:
        """Write at the rate."""
        async with asyncio.TaskGroup() as group:
            for number in range(int(seconds * RATE)):
                group.create_task(self.write(redis, number))
                await asyncio.sleep(1 / RATE)


async def fault(cluster: Cluster, redis: RedisClient, port: int, signal: str) -> str:
    """One fault under writes; returns the line that tells of it."""
    writes = Writes()
    before = await asyncio.to_thread(cluster.is_primary, port)
    writing = asyncio.create_task(writes.go_on(redis, LASTS + 1))
    await asyncio.sleep(1)
    began = time.monotonic()
    await asyncio.to_thread(cluster.signal, port, signal)
    if signal == "KILL":
        await asyncio.sleep(RESTART)
        await asyncio.to_thread(cluster.start, port)
    await writing
    if signal == "STOP":
        await asyncio.to_thread(cluster.signal, port, "CONT")
    await asyncio.to_thread(await_whole, cluster)
    lost = 0
    for number in writes.acknowledged:
        lost += await redis.execute("GET", f"{{bench:{number}}}") is None
        await redis.execute("DEL", f"{{bench:{number}}}")
    seconds = max(writes.failed, default=began) - began
    kind = "primary" if before else "replica"
    return (
        f"{signal} {cluster.ports.index(port) + 1} ({kind}): {len(writes.acknowledged)} acknowledged, "
        f"{len(writes.failed)} without Redis, the last after {seconds:.1f} s, {lost} lost"
    )


async def main() -> None:
    """Print a line for each fault."""
    with redis_cluster(NODE_TIMEOUT) as cluster:
        redis = redis_client(Settings(jwt_secret="s" * 64, redis_cluster_nodes=cluster.nodes), Metrics())
        for signal in ("KILL", "STOP"):
            for port in cluster.ports:
                if signal == "STOP" and not cluster.is_primary(port):
                    continue
                print(await fault(cluster, redis, port, signal), flush=True)
        await redis.close()


if __name__ == "__main__":
    asyncio.run(main())
