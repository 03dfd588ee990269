"""10,000 writes are read at once while the read replica is late, killed, gone, back and frozen: nothing fails or is old (H3.6).

Two processes of the API serve, on a real primary and its replica.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
from msgspec.structs import replace

from jiucom.auth.tokens import Tokens
from jiucom.settings import Settings
from testing import servers
from testing.database import make_database, root
from testing.replica import Replica, replica
from testing.replication import Replicated, follow, replicated
from testing.waiting import eventually

CHECKS = 10_000
USERS, READERS = 12, 3
PHASES = 5


class Load:
    """Users that change their reviews and read them, and strangers that read lists."""

    def __init__(self, apis: list[Replica], clients: list[httpx.AsyncClient]) -> None:
        self.apis, self.clients = apis, clients
        self.checks = 0
        self.failed: list[str] = []
        self.old: list[str] = []
        self.ended = False
        self.dice = random.Random(12)

    async def ask(self, method: str, path: str, token: str = "", **more: object) -> object:
        """Send a request to one of the processes; returns `data`, None when it failed."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = await self.dice.choice(self.clients).request(method, path, headers=headers, **more)  # type: ignore[arg-type]
        if answer.status_code >= 400:
            self.failed.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
            return None
        found: object = answer.json()["data"]
        return found

    async def user(self, token: str, part: int) -> None:
        """Write and read, again and again."""
        body = {"partId": part, "rating": 5, "content": "begin"}
        made = await self.ask("POST", "/reviews", token, json=body)
        assert isinstance(made, dict)
        while not self.ended:
            text = secrets.token_hex(8)
            await self.ask("PUT", f"/reviews/{made['id']}", token, json={"rating": 5, "content": text})
            seen = await self.ask("GET", f"/reviews/{made['id']}", token)
            self.checks += 1
            if not isinstance(seen, dict) or seen["content"] != text:
                self.old.append(f"{text}: {seen}")

    async def reader(self) -> None:
        """Read lists."""
        while not self.ended:
            await self.ask(
                "GET", self.dice.choice(["/parts", "/search?keyword=rtx", "/reviews", "/builds", "/sellers"])
            )

    async def reads(self) -> Counter[str]:
        """Count the reads so far, by server."""
        found: Counter[str] = Counter()
        for api in self.apis:
            async with httpx.AsyncClient() as client:
                text = (await client.get(f"{api.url}/actuator/prometheus")).text
            for line in text.splitlines():
                if line.startswith("jiucom_db_reads_total"):
                    found["replica" if 'server="replica"' in line else "primary"] += int(float(line.split()[-1]))
        return found

    async def in_use(self) -> list[bool]:
        """Return of each process whether it reads from the replica."""
        return [await api.gauge("jiucom_db_replica_in_use") == 1 for api in self.apis]


async def phase(load: Load, name: str, work: Callable[[], Awaitable[None]]) -> str:
    """Do the work of a phase, and go on for its share of the checks; returns a line about it."""
    before, checked, failed, old, began = (
        await load.reads(),
        load.checks,
        len(load.failed),
        len(load.old),
        time.monotonic(),
    )
    await work()
    await eventually(lambda: load.checks - checked >= CHECKS // PHASES, 600)
    made = await load.reads() - before
    share = made["replica"] / max(1, made.total())
    return (
        f"{name}: {load.checks - checked} checks in {time.monotonic() - began:.0f} s, {len(load.failed) - failed} failed, "
        f"{len(load.old) - old} old, {share:.0%} of {made.total()} reads on the replica"
    )


async def accounts(pair: Replicated, settings: Settings) -> list[str]:
    """Make users; returns their tokens."""
    tokens = []
    async with root((pair.port, pair.password), settings.db_name) as cursor:
        for n in range(USERS):
            await cursor.execute(
                "INSERT INTO users (email, nickname) VALUES (%s, %s)", (f"{n}@example.com", f"사용자{n}")
            )
            tokens.append(Tokens(settings).access(cursor.lastrowid, "USER"))
    return tokens


async def story(pair: Replicated, settings: Settings) -> tuple[Load, list[str]]:
    """Run the phases; returns the load and a line for each."""
    await make_database((pair.port, pair.password), settings)
    await asyncio.to_thread(follow, pair)
    settings = replica_of(pair, settings)
    tokens = await accounts(pair, settings)
    async with AsyncExitStack() as stack:
        apis = [await stack.enter_async_context(replica(settings)) for _ in range(2)]
        clients = [await stack.enter_async_context(httpx.AsyncClient(base_url=api.url, timeout=30)) for api in apis]
        load = Load(apis, clients)

        async def state(used: bool) -> None:
            async def reached() -> bool:
                return await load.in_use() == [used] * len(apis)

            await eventually(reached, 90)

        await state(True)
        running = [asyncio.create_task(load.user(token, 1 + n)) for n, token in enumerate(tokens)]
        running += [asyncio.create_task(load.reader()) for _ in range(READERS)]

        async def nothing() -> None: ...

        async def late() -> None:
            """The replica applies nothing for 30 s."""
            await asyncio.to_thread(pair.on_replica, "STOP REPLICA SQL_THREAD")
            await state(False)
            await asyncio.sleep(30)
            await asyncio.to_thread(pair.on_replica, "START REPLICA SQL_THREAD")
            await state(True)

        async def killed() -> None:
            await asyncio.to_thread(servers.docker, "kill", pair.replica)
            await state(False)

        async def back() -> None:
            await asyncio.to_thread(servers.docker, "start", pair.replica)
            await state(True)

        async def frozen() -> None:
            await asyncio.to_thread(servers.docker, "pause", pair.replica)
            await state(False)
            await asyncio.to_thread(servers.docker, "unpause", pair.replica)
            await state(True)

        lines = []
        for name, work in (("sound", nothing), ("late", late), ("killed", killed), ("back", back), ("frozen", frozen)):
            lines.append(await phase(load, name, work))
            print(lines[-1], flush=True)
        load.ended = True
        await asyncio.gather(*running)
        return load, lines


def replica_of(pair: Replicated, settings: Settings) -> Settings:
    """Return the settings with the replica."""
    return replace(settings, db_replicas=f"127.0.0.1:{pair.replica_port}")


def test_nothing_fails_and_nobody_misses_an_own_write(tmp_path: Path) -> None:
    with replicated() as pair, servers.redis() as (_, redis_port):
        settings = Settings(
            jwt_secret=secrets.token_hex(32),
            db_host="127.0.0.1",
            db_port=pair.port,
            db_name="story",
            db_username="story",
            db_password="app-of-this-story",
            db_migrate_username="story_m",
            db_migrate_password="migrate-of-this-story",
            redis_host="127.0.0.1",
            redis_port=redis_port,
            zipkin_endpoint="http://127.0.0.1:9/api/v2/spans",
            tracing_sampling=0.0,
            storage_upload_dir=str(tmp_path),
            rate_limit_write=1_000_000,
            log_level="WARNING",
        )
        load, lines = asyncio.run(story(pair, settings))
        assert load.checks >= CHECKS, lines
        assert load.failed == [], lines
        assert load.old == [], lines
