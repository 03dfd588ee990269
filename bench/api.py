"""CPU time of the server per request, as a multiple of a bare JSONResponse route in the same process (`make bench-api`).

The process runs in a container of the deployed image, with metrics on and one request in ten traced.

Requests per second vary by a factor of two on a busy machine. So CPU time is measured: one client sends one request after the
other, each kind alternates with the bare route, everything is measured in seven rounds, and medians are shown with the lowest
and the highest.
"""

import asyncio
import http.client
import itertools
import json
import statistics
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bench.container import contained
from bench.platform import platform, save, show, token
from testing import servers

ROUNDS = 7
REQUESTS = 100
TURNS = 5
# Beyond ten thousand rows, totals of lists are remembered.
PARTS = 12_000
_BARE = "bare"

# Method, path and body.
Request = tuple[str, str, str | None]


@dataclass(frozen=True)
class Scenario:
    """A measured request, and its limit as a multiple of the bare route."""

    name: str
    request: Callable[[], Request]
    aim: int | None = None
    requests: int = REQUESTS


class Client:
    """One connection, one request at a time."""

    def __init__(self, port: int, bearer: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"Authorization": f"Bearer {bearer}", "Content-Type": "application/json"}

    def send(self, method: str, path: str, body: str | None = None) -> Any:
        """The JSON of the answer. Raises RuntimeError for an error."""
        headers = {} if path in ("/bare",) or path.startswith("/control") else self._headers
        self._connection.request(method, path, body.encode() if body else None, headers)
        response = self._connection.getresponse()
        content = response.read()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {content.decode()}")
        return json.loads(content)

    def cpu(self, knobs: str = "") -> float:
        """CPU time of the server so far (s); `knobs` are set before."""
        return float(self.send("GET", f"/control?{knobs}"))

    def cost(self, scenario: Scenario, requests: int | None = None) -> float:
        """CPU time of the server per request (µs)."""
        requests = requests or scenario.requests
        before = self.cpu()
        for _ in range(requests):
            self.send(*scenario.request())
        return (self.cpu() - before) / requests * 1e6

    def costs(self, scenario: Scenario, other: Scenario) -> tuple[float, float]:
        """The `cost` of both, measured alternately, so that other load affects both."""
        turns = TURNS if scenario.requests % TURNS == 0 else 1
        size = scenario.requests // turns
        found = [(self.cost(scenario, size), self.cost(other, size)) for _ in range(turns)]
        return statistics.fmean(one for one, _ in found), statistics.fmean(two for _, two in found)


def scenarios(client: Client, prefix: str = "/api/v1") -> list[Scenario]:
    """The measured requests; makes the rows they need."""

    def get(path: str) -> Callable[[], Request]:
        return lambda: ("GET", prefix + path, None)

    def make(path: str, **body: Any) -> Any:
        return client.send("POST", prefix + path, json.dumps(body))["data"]["id"]

    build = make("/builds", name="측정", isPublic=True, parts=[{"partId": part, "quantity": 1} for part in range(1, 9)])
    post, talk = (make("/posts", boardType="FREE", title="측정", content="내용 " * 200) for _ in range(2))
    for _ in range(50):
        root = make(f"/posts/{post}/comments", content="댓글입니다")
        for _ in range(9):
            make(f"/posts/{post}/comments", content="답글입니다", parentId=root)
    # Each is a page that is not cached; as many as the rounds need.
    sizes = iter(range(51, 101))
    texts = itertools.count()

    def uncached() -> Request:
        return "GET", f"{prefix}/posts/{post}/comments?size={next(sizes)}", None

    def comment() -> Request:
        return "POST", f"{prefix}/posts/{talk}/comments", json.dumps({"content": f"댓글 {next(texts)}"})

    return [
        Scenario(_BARE, lambda: ("GET", "/bare", None)),
        Scenario("part detail, cached", get("/parts/100"), 6),
        Scenario("list of 20 parts, cached total", get("/parts?size=20"), 8),
        Scenario(
            "parts filtered and sorted", get("/parts?category=CPU&minPrice=200000&maxPrice=500000&sort=price_asc"), 9
        ),
        Scenario("build detail", get(f"/builds/{build}"), 10),
        Scenario("post list", get("/posts?size=20"), 8),
        Scenario("post detail", get(f"/posts/{post}"), 8),
        Scenario("500 comments, cached", get(f"/posts/{post}/comments?size=50")),
        Scenario("500 comments, from rows", uncached, requests=7),
        Scenario("create a comment", comment),
        Scenario("like toggle", lambda: ("POST", f"{prefix}/likes/POST/{talk}", None)),
    ]


def multiples(client: Client, known: list[Scenario]) -> list[dict[str, Any]]:
    """Every scenario against the bare route beside it."""
    bare, *others = known
    for scenario in known:
        if scenario.requests == REQUESTS:
            client.cost(scenario)
    rounds = [{scenario.name: client.costs(scenario, bare) for scenario in others} for _ in range(ROUNDS)]
    rows = []
    for scenario in others:
        found = [each[scenario.name] for each in rounds]
        ratios = [cost / base for cost, base in found]
        rows.append(
            {
                "request": scenario.name,
                "µs": round(statistics.median(cost for cost, _ in found)),
                "bare": round(statistics.median(base for _, base in found)),
                "multiple": round(statistics.median(ratios), 1),
                "lowest": round(min(ratios), 1),
                "highest": round(max(ratios), 1),
                "aim": scenario.aim or "",
            }
        )
    return rows


def observation(client: Client, scenario: Scenario) -> list[dict[str, Any]]:
    """The cost of metrics and traces per request (µs)."""
    variants = {
        "nothing": "sampling=0&metrics=off",
        "metrics": "sampling=0&metrics=on",
        "metrics, 10 % traced": "sampling=0.1&metrics=on",
        "metrics, all traced": "sampling=1&metrics=on",
    }
    costs: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, knobs in variants.items():
            client.cpu(knobs)
            costs[name].append(client.cost(scenario))
    bases = costs["nothing"]
    return [
        {
            "observed": name,
            "µs": round(statistics.median(found)),
            "added": round(statistics.median(cost - base for cost, base in zip(found, bases, strict=True))),
            "lowest": round(min(cost - base for cost, base in zip(found, bases, strict=True))),
            "highest": round(max(cost - base for cost, base in zip(found, bases, strict=True))),
        }
        for name, found in costs.items()
    ]


@contextmanager
def collector() -> Iterator[str]:
    """A server that accepts spans, so that the exporter has no failures. The URL."""

    class Accept(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Accept)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/api/v2/spans"
    server.shutdown()


async def main() -> None:
    with servers.mysql() as mysql, servers.redis() as (_, redis_port), collector() as zipkin:
        values: dict[str, Any] = {"zipkin_endpoint": zipkin, "tracing_sampling": 0.1}
        async with platform(mysql, redis_port, PARTS, server=contained, **values) as (running, settings, cursor):
            client = Client(running.port, await token(cursor, settings))
            known = scenarios(client)
            costs = multiples(client, known)
            observed = observation(client, known[1])
    show("CPU of the server per request; metrics on, 10 % traced", costs)
    show("What observation adds to a part detail from the cache (µs)", observed)
    save("api", {"costs": costs, "observation": observed, "rounds": ROUNDS, "requests": REQUESTS})


if __name__ == "__main__":
    asyncio.run(main())
