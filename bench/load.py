"""The API under load, with more than one client (`make bench-load`): through the gateway and past it.

The server runs on one core, in a container with the platform's limits; everything else runs on the other core. Shares and ratios
carry over to other machines, requests per second do not. Ends with 1 where an aim is missed.
"""

import asyncio
import http.client
import itertools
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvloop

from bench import generator
from bench.generator import Address, Measured, Source
from bench.network import OTHER_CORE, Inside, gateway, network, published, served, slowed
from bench.platform import platform, save, show, token
from testing import servers

PARTS, POSTS, USERS = 20_000, 5_000, 20
SECONDS = float(os.environ.get("JIUCOM_BENCH_SECONDS", "6"))
CONNECTIONS = (1, 10, 100)
CROWDS = (20, 100, 300, 500)
ROUNDS = 3
# Under overload: the share of the best throughput that must remain, and the ratio of p95 to the mean wait.
GOODPUT, FAIRNESS = 0.9, 2.0
# Reads at 60 % of what the server can do (ms).
CALM = 50.0
_WORDS = (
    "Ryzen 7",
    "RTX 4070",
    "990 pro",
    "DDR5 6000",
    "NZXT H7",
    "B650E-F",
    "i7-14700K",
    "삼성 SSD",
    "WIFI",
    "80+ gold",
)
_dice = random.Random(1)  # noqa: S311


@dataclass(frozen=True)
class Kind:
    """One kind of request."""

    name: str
    source: Source


def kinds(prefix: str, tokens: list[str], posts: list[int]) -> dict[str, Kind]:
    """Every kind, by name."""

    def get(path: Callable[[], str]) -> Source:
        return lambda: f"GET {prefix}{path()} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()

    texts = itertools.count()

    def comment() -> bytes:
        body = json.dumps({"content": f"댓글 {next(texts)}"}).encode()
        head = (
            f"POST {prefix}/posts/{_dice.choice(posts)}/comments HTTP/1.1\r\nHost: bench\r\n"
            f"Authorization: Bearer {_dice.choice(tokens)}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    def words() -> str:
        return _dice.choice(_WORDS).replace(" ", "+").replace("삼성", "%EC%82%BC%EC%84%B1")

    known = [
        Kind("part list", get(lambda: "/parts?size=20")),
        Kind("CPU by price", get(lambda: "/parts?category=CPU&sort=price_asc&size=20")),
        Kind("part search", get(lambda: f"/parts/search?size=20&keyword={words()}")),
        Kind("part detail", get(lambda: f"/parts/{_dice.randrange(1, PARTS)}")),
        Kind("post list", get(lambda: "/posts?size=20")),
        Kind("post detail", get(lambda: f"/posts/{_dice.choice(posts)}")),
        Kind("new comment", comment),
    ]
    found = {kind.name: kind for kind in known}
    reads = [found[name].source for name in ("part list", "part list", "part detail", "part detail", "post list")]
    reads += [found["post detail"].source, found["part search"].source]
    writes = [found["new comment"].source]
    return {
        **found,
        "reads": Kind("reads", lambda: _dice.choice(reads)()),
        "reads, 10 % writes": Kind("mix", lambda: _dice.choice(writes if _dice.random() < 0.1 else reads)()),
    }


class Server:
    """The measured server, asked past the gateway for what it says of itself."""

    def __init__(self, running: Inside) -> None:
        self.address: Address = (running.address, running.port)

    def _get(self, path: str) -> str:
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        connection.request("GET", path)
        return connection.getresponse().read().decode()

    def _metric(self, text: str, name: str) -> float:
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(f"{name}{{"))

    def state(self) -> dict[str, float]:
        """CPU time so far, waits for the pool so far (and how many), and how late the loop is now (s)."""
        text = self._get("/api/v1/actuator/prometheus")
        names = {
            "waited": "jiucom_db_acquire_seconds_sum",
            "acquired": "jiucom_db_acquire_seconds_count",
            "lag": "jiucom_event_loop_lag_seconds",
        }
        return {"cpu": float(self._get("/control")), **{key: self._metric(text, name) for key, name in names.items()}}


async def measured(server: Server, work: Callable[[], Any]) -> tuple[Measured, dict[str, Any]]:
    """The results of the clients, as a row of the table."""
    before, began = await asyncio.to_thread(server.state), time.perf_counter()
    found: Measured = await work()
    spent, after = time.perf_counter() - began, await asyncio.to_thread(server.state)
    answers = max(1.0, found.rate * spent)
    acquired = after["acquired"] - before["acquired"]
    return found, {
        "req/s": round(found.rate),
        "p50 ms": round(found.quantile(0.5) * 1000),
        "p95 ms": round(found.quantile(0.95) * 1000),
        "p99 ms": round(found.quantile(0.99) * 1000),
        "mean ms": round(found.mean * 1000, 1),
        "CPU s per 1,000": round((after["cpu"] - before["cpu"]) / answers * 1000, 2),
        "core": f"{(after['cpu'] - before['cpu']) / spent:.0%}",
        "pool wait ms": round((after["waited"] - before["waited"]) / acquired * 1000, 1) if acquired else 0,
        "lag ms": round(after["lag"] * 1000),
        "refused": found.refused,
    }


def limited_by(row: dict[str, Any]) -> str:
    """The resource that limits a kind of request."""
    if int(row["core"].rstrip("%")) > 85:
        return "the API's core"
    return "MySQL" if row["pool wait ms"] > row["mean ms"] / 3 else "clients and gateway"


class Aims:
    """Requirements that were not met."""

    def __init__(self) -> None:
        self.missed: list[str] = []

    def check(self, what: str, value: float, *, least: float | None = None, most: float | None = None) -> None:
        """Note and print it."""
        good = (least is None or value >= least) and (most is None or value <= most)
        print(
            f"{'ok    ' if good else 'MISSED'} {what}: {value:.2f} (aim: {least if most is None else most})", flush=True
        )
        if not good:
            self.missed.append(what)


async def by_kind(server: Server, known: dict[str, Kind], aims: Aims) -> list[dict[str, Any]]:
    """Each kind at a hundred connections, past the gateway."""
    rows = []
    for name in known:
        found, row = await measured(server, lambda k=known[name]: closed(server.address, k, 100))  # type: ignore[misc]
        rows.append({"request": name, **row, "limited by": limited_by(row)})
        if name in ("part list", "part search", "CPU by price"):
            aims.check(
                f"{name}: p95 at 100 connections against the mean", found.quantile(0.95) / found.mean, most=FAIRNESS
            )
            aims.check(f"{name}: refusals below capacity", found.refused, most=0)
    return rows


async def by_connections(server: Server, doors: dict[str, Address], known: dict[str, Kind]) -> list[dict[str, Any]]:
    """Reads, and reads with writes, at 1, 10 and 100 connections through each door."""
    rows = []
    for name, count in itertools.product(("reads", "reads, 10 % writes"), CONNECTIONS):
        for door, address in doors.items():
            _, row = await measured(server, lambda a=address, k=known[name], n=count: closed(a, k, n))  # type: ignore[misc]
            rows.append({"request": name, "door": door, "connections": count, **row})
    return rows


async def crowded(server: Server, door: Address, known: dict[str, Kind], aims: Aims) -> list[dict[str, Any]]:
    """More and more clients of what needs the database most, in rounds, because the machine is not equally fast all the time."""
    rows = []
    for name in ("part search", "part list"):
        rates: dict[int, list[float]] = {users: [] for users in CROWDS}
        for _, users in itertools.product(range(ROUNDS), CROWDS):
            found, row = await measured(
                server,
                lambda k=known[name], n=users: closed(door, k, n, SECONDS / 2),  # type: ignore[misc]
            )
            rates[users].append(found.rate)
            rows.append({"request": name, "load": f"{users} users", **row})
        medians = {users: statistics.median(each) for users, each in rates.items()}
        for users, rate in medians.items():
            aims.check(
                f"{name}: good answers with {users} users, of the best", rate / max(medians.values()), least=GOODPUT
            )
    return rows


async def overloaded(server: Server, door: Address, known: dict[str, Kind], aims: Aims) -> list[dict[str, Any]]:
    """Twice as many requests per second as could be served just before, in rounds."""
    rows = []
    for name in ("part search", "part list"):
        shares = []
        for _ in range(ROUNDS):
            can, _ = await measured(server, lambda k=known[name]: closed(door, k, 100))  # type: ignore[misc]
            found, row = await measured(
                server,
                lambda k=known[name], r=2 * can.rate: generator.open_loop(door, k.source, r, SECONDS),  # type: ignore[misc]
            )
            shares.append(found.rate / can.rate)
            rows.append({"request": name, "asked": f"{2 * can.rate:.0f} req/s", **row})
        aims.check(
            f"{name}: good answers at twice the capacity, of the capacity", statistics.median(shares), least=GOODPUT
        )
    return rows


async def calmly(server: Server, reads: Kind) -> tuple[Measured, dict[str, Any]]:
    """Reads at 60 % of what the server can do just now."""
    can, _ = await measured(server, lambda: closed(server.address, reads, 100))
    found, row = await measured(
        server, lambda: generator.open_loop(server.address, reads.source, 0.6 * can.rate, 2 * SECONDS)
    )
    return found, {"asked": f"{0.6 * can.rate:.0f} req/s", **row}


async def beside(server: Server, known: dict[str, Kind]) -> list[dict[str, Any]]:
    """Cached answers and logins, while 500 clients search."""
    body = b'{"email":"nobody@example.com","password":"wrong-password-1"}'
    head = f"POST /api/v1/auth/login HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    others = {
        "part detail, cached": Kind("", lambda: b"GET /api/v1/parts/100 HTTP/1.1\r\nHost: bench\r\n\r\n"),
        "login": Kind("", lambda: f"{head}\r\n\r\n".encode() + body),
    }
    crowd = asyncio.create_task(closed(server.address, known["part search"], 500, 2 * SECONDS))
    await asyncio.sleep(1)
    found = await asyncio.gather(*(closed(server.address, other, 1) for other in others.values()))
    await crowd
    rows = []
    for name, each in zip(others, found, strict=True):
        # An answer to a wrong password counts as an answer.
        answered = len(each.times) + each.others.get(401, 0)
        busy = sum(count for status, count in each.others.items() if status >= 500)
        rows.append(
            {"request": name, "answered": answered, "refused": busy, "p95 ms": round(each.quantile(0.95) * 1000)}
        )
    return rows


def closed(address: Address, kind: Kind, connections: int, seconds: float = SECONDS) -> Any:
    """So many clients of one kind."""
    return generator.closed_loop(address, kind.source, connections, seconds)


@contextmanager
def one_core() -> Iterator[None]:
    """This process keeps to the core of everything else."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(OTHER_CORE)})
    yield
    os.sched_setaffinity(0, allowed)


async def main() -> int:
    aims = Aims()
    with (
        servers.mysql() as mysql,
        servers.redis() as (redis, redis_port),
        one_core(),
        network((published(mysql[0]), "mysql"), (redis, "redis")) as net,
    ):

        def inside(settings: Any, *, module: str) -> Any:
            return served(settings, net, module=module)

        values: dict[str, Any] = {"zipkin_endpoint": "http://127.0.0.1:9/api/v2/spans", "tracing_sampling": 0.0}
        # MySQL has one core here; the role sets the number of its cores.
        values |= {"rate_limit_login": 1_000_000, "db_searches": 1}
        async with platform(mysql, redis_port, PARTS, posts=POSTS, server=inside, **values) as (
            running,
            settings,
            cursor,
        ):
            tokens = [await token(cursor, settings) for _ in range(USERS)]
            await cursor.execute("SELECT id FROM posts WHERE is_deleted = FALSE ORDER BY id DESC LIMIT 1000")
            known = kinds("/api/v1", tokens, [row[0] for row in await cursor.fetchall()])
            server = Server(running)  # type: ignore[arg-type]
            await closed(server.address, known["reads, 10 % writes"], 10, 3)
            with gateway(net) as address:
                door = (address, 80)
                doors = {"past the gateway": server.address, "through the gateway": door}
                each = await by_kind(server, known, aims)
                connections = await by_connections(server, doors, known)
                crowds = await crowded(server, door, known, aims)
                others = await beside(server, known)
                with slowed(net):
                    over = await overloaded(server, door, known, aims)
                calm = [await calmly(server, known["reads"]) for _ in range(ROUNDS)]
    show("Kinds of requests, 100 connections, past the gateway", each)
    show("Doors and connections", connections)
    show("Crowds", crowds)
    show("Overload, with a quarter of the core", over)
    show("Beside 500 clients that search", others)
    show("Reads at 60 % of the capacity", [row for _, row in calm])
    slowest = statistics.median(found.quantile(0.99) for found, _ in calm)
    aims.check("reads at 60 % of the capacity: p99 (ms)", slowest * 1000, most=CALM)
    results = {
        "kinds": each,
        "connections": connections,
        "crowds": crowds,
        "overload": over,
        "beside": others,
        "calm": [row for _, row in calm],
    }
    save("load", {**results, "missed": aims.missed, "load": os.getloadavg()})
    return 1 if aims.missed else 0


if __name__ == "__main__":
    sys.exit(uvloop.run(main()))
