"""Memory of idle STOMP connections through the gateway of the running platform (`make bench-connections`).

A thousand clients connect, subscribe and send heart-beats only; at the end one notification must reach them all.
Memory freed by earlier connections is used again and not counted: restart app and nginx before the first run.
One user has them all, from one address: `gateway_realtime_connections`, REALTIME_SESSIONS_PER_USER and
REALTIME_SESSIONS_PER_ADDRESS must allow it.
"""

import asyncio
import os
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
from websockets.exceptions import InvalidStatus

from bench.platform import save, show
from testing.accounts import bearer, signup
from testing.stomp import Stomp, stomp

COUNT = 1000
# More at once would measure the queue of handshakes.
_AT_ONCE = 20
# Longer than the heart-beat interval, so that its memory is counted (s).
_IDLE = 12
# All have come by then: the gateway lets in as many a second as it lets requests (s).
_PATIENCE = 180

# Runs a shell command where the platform is, and returns its output.
Shell = Callable[[str], str]

_MEMORY = """
for id in $(cd /opt/jiucom && docker compose ps --quiet {service}); do
    docker exec $id sh -c 'cat /sys/fs/cgroup/memory.current 2> /dev/null || cat /sys/fs/cgroup/memory/memory.usage_in_bytes'
done
"""


def memory(shell: Shell, service: str) -> int:
    """Memory of a service's containers together as their limits count it, sockets in the kernel included (bytes)."""
    return sum(map(int, shell(_MEMORY.format(service=service)).split()))


@asynccontextmanager
async def crowd(url: str, token: str, count: int) -> AsyncIterator[list[Stomp]]:
    """`count` connections of one user to `url`, subscribed; they want heart-beats and send none."""
    slots = asyncio.Semaphore(_AT_ONCE)
    async with AsyncExitStack() as stack:

        async def opened() -> Stomp:
            while True:
                try:
                    return await stack.enter_async_context(stomp(url, "/ws", ping_interval=None))
                except InvalidStatus as refused:
                    if refused.response.status_code != 429:
                        raise
                    await asyncio.sleep(1)

        async def enter() -> Stomp:
            async with slots:
                client = await opened()
                answer = await client.connect(token, heart_beat="0,10000")
                if answer.command != "CONNECTED":
                    raise RuntimeError(f"not connected: {answer}")
                await client.subscribe()
                return client

        async with asyncio.timeout(_PATIENCE):
            clients = await asyncio.gather(*(enter() for _ in range(count)))
        yield clients


async def measure(url: str, shell: Shell, count: int = COUNT, idle: float = _IDLE) -> dict[str, Any]:
    """Memory per connection (KiB) and how long one notification takes to reach them all (s). Raises TimeoutError."""
    async with httpx.AsyncClient(base_url=url) as http:
        author, commenter = await signup(http), await signup(http)
        post = {"title": f"측정 {secrets.token_hex(4)}", "content": "내용", "boardType": "FREE"}
        made = await http.post("/posts", json=post, headers=bearer(author.tokens))
        comments = f"/posts/{made.raise_for_status().json()['data']['id']}/comments"
        services = ("app", "nginx")
        before = {service: memory(shell, service) for service in services}
        async with crowd(url, author.tokens["accessToken"], count) as clients:
            await asyncio.sleep(idle)
            added = {service: memory(shell, service) - before[service] for service in services}
            start = time.monotonic()
            said = await http.post(comments, json={"content": "모두에게"}, headers=bearer(commenter.tokens))
            said.raise_for_status()
            heard = await asyncio.gather(*(client.receive(10) for client in clients))
            seconds = time.monotonic() - start
    return {
        "connections": count,
        **{f"{service} KiB each": round(added[service] / count / 1024, 1) for service in services},
        "reached": sum(frame.command == "MESSAGE" for frame in heard),
        "seconds": round(seconds, 2),
    }


def _here(command: str) -> str:
    return subprocess.run(["sh", "-c", command], check=True, capture_output=True, text=True).stdout


def main() -> None:
    url = os.environ.get("JIUCOM_URL", "http://127.0.0.1") + "/api/v1"
    found = asyncio.run(measure(url, _here))
    show("Idle connections through the gateway", [found])
    save("connections", {**found, "load": os.getloadavg()})


if __name__ == "__main__":
    main()
