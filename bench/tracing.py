"""What Zipkin's faults cost the API (E3), and what metrics and traces cost at all (`make bench-tracing`).

Everything is interleaved: each server gets a few requests in turn, variants are measured in rounds, in alternating order. Every
request is traced unless stated otherwise.
"""

import asyncio
import contextlib
import http.client
import itertools
import json
import os
import statistics
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from bench.api import Client
from bench.platform import platform, save, show, token
from testing import servers
from testing.collector import collecting
from testing.images import image
from testing.replica import Replica, replica
from testing.waiting import eventually

ROUNDS = 10
TURNS = 20
REQUESTS = 10
SOAK = 1_000
CPU_ROUNDS = 7
CPU_REQUESTS = 400
PARTS = 2_000
P50_AIM, P99_AIM = 1.1, 2.0
# The exporter's second, and the sending: CPU that belongs to the requests before (s).
_SETTLED = 1.5

_LIST = "/api/v1/parts?size=20"
_DETAIL = "/api/v1/parts/100"
_METRICS = "/api/v1/actuator/prometheus"

VARIANTS = {
    "nothing": "sampling=0&metrics=off",
    "metrics": "sampling=0&metrics=on",
    "metrics, 10 % traced": "sampling=0.1&metrics=on",
    "metrics, all traced": "sampling=1&metrics=on",
}


@dataclass
class Backend:
    """What stands for Zipkin, and how many spans were brought to it so far, as itself says."""

    url: str
    brought: Callable[[], int]


@dataclass
class Subject:
    """A server whose spans go to one backend, and what was seen of it."""

    backend: Backend
    server: Replica
    connection: http.client.HTTPConnection
    bearer: str
    rounds: list[list[float]] = field(default_factory=list)

    def ask(self, path: str) -> bytes:
        """The body of an answer. Raises RuntimeError for an error."""
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {self.bearer}"})
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{path}: {response.status}")
        return body

    def measure(self) -> list[float]:
        """Durations of one turn's requests (s)."""
        durations = []
        for _ in range(REQUESTS):
            began = time.perf_counter()
            self.ask(_LIST)
            durations.append(time.perf_counter() - began)
        return durations

    def memory(self) -> float:
        """Resident memory (MB)."""
        return self.metric("process_resident_memory_bytes") / 1e6

    def metric(self, name: str) -> float:
        """A metric without labels of its own."""
        lines = self.ask(_METRICS).decode().splitlines()
        return float(next(line.split()[-1] for line in lines if line.startswith(f"{name}{{")))

    def spans(self) -> tuple[int, int]:
        """Spans sent and lost so far."""
        return int(self.metric("jiucom_spans_sent_total")), int(self.metric("jiucom_spans_lost_total"))

    async def settled(self) -> tuple[int, int]:
        """Spans sent and lost, once no more come: nothing waits longer than the exporter's timeout."""
        seen = [(-1, -1)]

        async def rests() -> bool:
            await asyncio.sleep(3)
            seen.append(self.spans())
            return seen[-1] == seen[-2]

        await eventually(rests, 60)
        return seen[-1]


@contextmanager
def real() -> Iterator[Backend]:
    """Zipkin itself, as the platform deploys it."""
    name, port = f"jiucom-bench-zipkin-{uuid.uuid4().hex[:8]}", servers.free_port()
    options = ("--publish", f"127.0.0.1:{port}:9411", "--env", "JAVA_OPTS=-Xms256m -Xmx256m", "--tmpfs", "/tmp")  # noqa: S108
    servers.docker("run", "--detach", "--name", name, *options, image("zipkin"))
    try:
        while _health(port) != "UP":
            time.sleep(0.5)
        yield Backend(
            f"http://127.0.0.1:{port}/api/v2/spans",
            lambda: int(_zipkin(port, "/metrics").get("counter.zipkin_collector.spans.http", 0)),
        )
    finally:
        servers.docker("rm", "--force", "--volumes", name)


def _health(port: int) -> str:
    with contextlib.suppress(OSError, http.client.HTTPException):
        return str(_zipkin(port, "/health")["status"])
    return "no answer"


def _zipkin(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
        return json.load(response)


@contextmanager
def faulty(*, delay: float = 0, status: int = 202) -> Iterator[Backend]:
    """Something that answers late, or with an error."""
    with collecting() as collector:
        collector.delay, collector.status = delay, status
        yield Backend(collector.endpoint, lambda: collector.brought)


@asynccontextmanager
async def subjects(settings: Any, bearer: str, backends: dict[str, Backend]) -> AsyncIterator[dict[str, Subject]]:
    """A server for each backend, over the same database."""
    async with contextlib.AsyncExitStack() as stack:
        found = {}
        for name, backend in backends.items():
            own = replace(settings, zipkin_endpoint=backend.url)
            server = await stack.enter_async_context(replica(own, module="bench.serve"))
            found[name] = Subject(backend, server, http.client.HTTPConnection("127.0.0.1", server.port), bearer)
        yield found


async def faults(known: dict[str, Subject]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Latency with every kind of Zipkin, and what became of the spans."""
    for subject in known.values():
        subject.measure()
    before = {name: await subject.settled() for name, subject in known.items()}
    brought = {name: subject.backend.brought() for name, subject in known.items()}
    order = list(known.values())
    for _ in range(ROUNDS):
        for subject in order:
            subject.rounds.append([])
        for _ in range(TURNS):
            for subject in order:
                subject.rounds[-1] += subject.measure()
            order.append(order.pop(0))
    spans = []
    for name, subject in known.items():
        after = await subject.settled()
        sent, lost = (now - then for now, then in zip(after, before[name], strict=True))
        spans.append(
            {
                "zipkin": name,
                "requests": ROUNDS * TURNS * REQUESTS,
                "sent": sent,
                "lost": lost,
                "sent and lost": sent + lost,
                "brought to it": subject.backend.brought() - brought[name],
            }
        )
    return [_compared(name, subject.rounds, known["up"].rounds) for name, subject in known.items()], spans


def _compared(name: str, rounds: list[list[float]], good: list[list[float]]) -> dict[str, Any]:
    row: dict[str, Any] = {"zipkin": name}
    for title, share, aim in (("p50", 0.5, P50_AIM), ("p99", 0.99, P99_AIM)):
        ratios = [
            _percentile(mine, share) / _percentile(theirs, share) for mine, theirs in zip(rounds, good, strict=True)
        ]
        mine, theirs = (_percentile([*itertools.chain(*each)], share) for each in (rounds, good))
        row |= {
            f"{title} ms": round(mine * 1000, 2),
            f"{title} ratio": round(mine / theirs, 2),
            f"{title} rounds": f"{min(ratios):.2f}-{max(ratios):.2f}",
            f"{title} aim": aim,
        }
    return row


def soak(known: dict[str, Subject]) -> list[dict[str, Any]]:
    """Resident memory (MB), a thousand requests after the other, with Zipkin and without."""
    rows = []
    for name in ("up", "gone"):
        row: dict[str, Any] = {"zipkin": name, "at first": round(known[name].memory(), 1)}
        for thousands in range(1, 7):
            for _ in range(SOAK):
                known[name].ask(_LIST)
            row[f"{thousands * SOAK}"] = round(known[name].memory(), 1)
        rows.append(row)
    return rows


def costs(client: Client, path: str) -> list[dict[str, Any]]:
    """CPU of a request by what is observed of it, as multiples of the bare route of the same round."""
    found: dict[str, list[float]] = {name: [] for name in ("bare", *VARIANTS)}
    order = list(found)
    for _ in range(CPU_ROUNDS):
        for name in order:
            asked, knobs = ("/bare", "") if name == "bare" else (path, VARIANTS[name])
            found[name].append(_cost(client, asked, knobs))
        order.append(order.pop(0))
    rows = []
    for name, each in found.items():
        multiples = [cost / bare for cost, bare in zip(each, found["bare"], strict=True)]
        added = [(cost - none) / bare for cost, none, bare in zip(each, found["nothing"], found["bare"], strict=True)]
        rows.append(
            {
                "observed": name,
                "µs": round(statistics.median(each)),
                "multiple": round(statistics.median(multiples), 2),
                "lowest": round(min(multiples), 2),
                "highest": round(max(multiples), 2),
                "added multiple": "" if name == "bare" else round(statistics.median(added), 2),
            }
        )
    return rows


def _cost(client: Client, path: str, knobs: str) -> float:
    before = client.cpu(knobs)
    for _ in range(CPU_REQUESTS):
        client.send("GET", path)
    time.sleep(_SETTLED)
    return (client.cpu() - before) / CPU_REQUESTS * 1e6


def _percentile(durations: Sequence[float], share: float) -> float:
    return sorted(durations)[int(len(durations) * share)]


async def main() -> None:
    with (
        servers.mysql() as mysql,
        servers.redis() as (_, redis_port),
        real() as up,
        faulty(delay=5) as slow,
        faulty(status=503) as refusing,
    ):
        gone = Backend(f"http://127.0.0.1:{servers.free_port()}/api/v2/spans", lambda: 0)
        values: dict[str, Any] = {"zipkin_endpoint": up.url, "tracing_sampling": 1.0}
        async with platform(mysql, redis_port, PARTS, **values) as (running, settings, cursor):
            bearer = await token(cursor, settings)
            backends = {"up": up, "slow": slow, "refusing": refusing, "gone": gone}
            async with subjects(settings, bearer, backends) as known:
                latency, spans = await faults(known)
                memory = soak(known)
            client = Client(running.port, bearer)
            cpu = {path: costs(client, path) for path in (_DETAIL, _LIST)}
    show("A list of 20 parts, every request traced, by what Zipkin does", latency)
    show("What became of the spans", spans)
    show("Resident memory of the server (MB) after so many more requests", memory)
    for path, rows in cpu.items():
        show(f"CPU of the server per GET {path}, as a multiple of a bare route", rows)
    print(f"\nload {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    save("tracing", {"latency": latency, "spans": spans, "memory": memory, "cpu": cpu})


if __name__ == "__main__":
    asyncio.run(main())
