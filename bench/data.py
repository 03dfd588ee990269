"""Latency with 200,000 parts, 1,000,000 price rows and 200,000 posts against 2,000, and the plans (`make bench`)."""

import asyncio
import os
import statistics
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx

from bench import board
from bench.platform import platform, save, show
from jiucom.clock import Clock
from jiucom.db import Database
from jiucom.domains.parts import queries as parts
from jiucom.domains.parts.schemas import PartCategory, PartQuery
from jiucom.domains.prices import queries as prices
from jiucom.domains.search import queries as search
from jiucom.rules.search_terms import plan
from jiucom.telemetry.metrics import Metrics
from testing import servers

SMALL = 2_000
LARGE = int(os.environ.get("JIUCOM_BENCH_PARTS", "200000"))
ROUNDS = 15

REQUESTS = {
    "first page": "/parts?size=20",
    "category": "/parts?size=20&category=CPU",
    "category, price range, by price": "/parts?category=CPU&minPrice=200000&maxPrice=500000&sort=price_asc",
    "price range": "/parts?minPrice=200000&maxPrice=210000",
    "latest": "/parts?sort=latest",
    "by name": "/parts?sort=name_asc",
    # 2,000 parts have no deeper page that is full; 200,000 could go on until the cap.
    "page 90 (offset 1,800)": "/parts?size=20&page=90",
    "deepest page (offset 10,000)": "/parts?size=20&page=500",
    "deepest page of a category": "/parts?size=20&page=500&category=CPU",
    "part detail, cached": "/parts/1000",
    "price comparison": "/prices/parts/1000",
    "price history": "/prices/parts/1000/history",
    "deals": "/prices/deals",
    "suggestions": "/search/suggest?keyword=ASUS",
    "posts": "/posts?size=20",
    "posts, a word that all have": f"/posts/search?keyword={board.COMMON}",
    "posts, a word of one in five": f"/posts/search?keyword={board.USUAL}",
    "posts, a word that one has": f"/posts/search?keyword={board.RARE}",
    "posts of the search, a word that all have": f"/search?type=POST&keyword={board.COMMON}",
}
# The searches that must find what they name, as people type them.
WORDS = (
    *("Ryzen 7 7800X3D", "Ryzen 7", "7800x3d", "RTX 4070", "4070 ti super", "B650E-F", "i7-14700K", "80+", "80+ gold"),
    *("삼성 SSD", "990 pro 2tb", "DDR5 6000", "램", "램 32GB", "쿨러 360", "adeo", "NZXT H7", "앱코", "WD Black"),
    "마이크로닉스 700W",
)


class _Plans:
    """A session that explains each statement instead of returning its rows."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self.found: list[str] = []

    async def fetch_all(self, sql: str, args: Any, into: type) -> list[Any]:
        return list(await self.fetch_rows(sql, args))

    async def fetch_value(self, sql: str, args: Any = ()) -> int:
        await self.fetch_rows(sql, args)
        return 0

    async def fetch_rows(self, sql: str, args: Any = ()) -> list[Any]:
        ((text,),) = await self._session.fetch_rows(f"EXPLAIN ANALYZE {sql}", args)
        self.found.append(text)
        return []


async def plans(settings: Any) -> dict[str, list[str]]:
    """How MySQL runs the statements of a page, its count, a search and the deals, with the times it took."""
    db = Database(settings, Clock(settings.time_zone), Metrics())
    await db.connect()
    shown = {}
    query = PartQuery(category=PartCategory.CPU, min_price=200_000, max_price=500_000, sort="price_asc")
    try:
        async with db.read() as session:
            for name, run in {
                "first page": lambda s: parts.page(s, PartQuery(), plan("")),
                "count": lambda s: parts.count(s, PartQuery(), plan("")),
                "deepest page": lambda s: parts.page(s, PartQuery(page=500), plan("")),
                "category, price range, by price": lambda s: parts.page(s, query, plan("")),
                "its count": lambda s: parts.count(s, query, plan("")),
                "search": lambda s: search.parts(s, plan("Ryzen 7 7800X3D"), 10),
                "search of one character": lambda s: search.parts(s, plan("램"), 10),
                "deals": lambda s: prices.deals(s, Clock(settings.time_zone).now().date(), None),
            }.items():
                asked = _Plans(session)
                await run(asked)  # type: ignore[no-untyped-call]
                shown[name] = asked.found
    finally:
        await db.disconnect()
    return shown


async def took(client: httpx.AsyncClient, path: str, **params: str) -> float:
    """Milliseconds until the whole answer was there."""
    started = time.perf_counter()
    (await client.get(path, params=params or None)).raise_for_status()
    return (time.perf_counter() - started) * 1000


def compared(name: str, small: list[float], large: list[float]) -> dict[str, Any]:
    """One line: median, 95th percentile, and the first request, which is not cached (ms)."""
    first, small, large = large[0], small[1:], large[1:]
    low, high = statistics.median(small), statistics.median(large)
    tails = [statistics.quantiles(each, n=20)[-1] for each in (small, large)]
    return {
        "request": name,
        f"{SMALL:,} p50": round(low, 1),
        f"{LARGE:,} p50": round(high, 1),
        "ratio": round(high / low, 1),
        f"{SMALL:,} p95": round(tails[0], 1),
        f"{LARGE:,} p95": round(tails[1], 1),
        f"{LARGE:,} first": round(first, 1),
    }


async def main() -> None:
    async with AsyncExitStack() as stack:
        mysql = stack.enter_context(servers.mysql())
        clients = []
        for size in (SMALL, LARGE):
            # Each with a Redis of its own: their caches name the same parts.
            _, redis_port = stack.enter_context(servers.redis())
            started = time.monotonic()
            running, settings, _ = await stack.enter_async_context(platform(mysql, redis_port, size, posts=size))
            print(f"{size:,} parts: ready after {time.monotonic() - started:.0f} s", flush=True)
            clients.append(await stack.enter_async_context(httpx.AsyncClient(base_url=running.url, timeout=30)))
        times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in (*REQUESTS, *WORDS)}
        for _ in range(ROUNDS + 1):
            for side, client in enumerate(clients):
                for name, path in REQUESTS.items():
                    times[name][side].append(await took(client, path))
                for word in WORDS:
                    times[word][side].append(await took(client, "/search", keyword=word, type="PART"))
        shown = await plans(settings)
    rows = [compared(name, *times[name]) for name in REQUESTS]
    # The first of all is the slowest of the firsts.
    every = [
        [max(times[word][side][0] for word in WORDS), *(spent for word in WORDS for spent in times[word][side][1:])]
        for side in (0, 1)
    ]
    searches = [compared("all searches", *every), *(compared(word, *times[word]) for word in WORDS)]
    show("Latency (ms)", rows)
    show("Searches (ms)", searches)
    for name, texts in shown.items():
        print(f"\n{name}\n" + "\n".join(texts))
    save("data", {"lists": rows, "searches": searches, "plans": shown, "parts": [SMALL, LARGE], "rounds": ROUNDS})


if __name__ == "__main__":
    asyncio.run(main())
