"""A price change with 100,000 due alerts, a new nickname of an author of 100,000 posts, and the suspension of a seller with
20,000 offers (`make bench-alerts`).

Two replicas of the server on real MySQL and Redis, and a mail server that takes everything. Ends with 1 where an aim is missed.
"""

import asyncio
import os
import secrets
import statistics
import sys
import time
from contextlib import AsyncExitStack
from typing import Any

import httpx

from bench.load import Aims
from bench.platform import platform, save, show
from jiucom.auth.tokens import Tokens
from testing import servers, stock
from testing.mailbox import mailbox
from testing.replica import replica

MANY = int(os.environ.get("JIUCOM_BENCH_ALERTS", "100000"))
OFFERS = 20_000
FEW = 10
_BATCH = 20_000

_NUMBERS = "JSON_TABLE(%s, '$[*]' COLUMNS (n INT PATH '$')) AS numbers"
_USERS = f"""
INSERT INTO users (email, nickname, email_verified_at)
SELECT CONCAT('w', n, '@example.com'), CONCAT('기다림', n), UTC_TIMESTAMP(6) FROM {_NUMBERS}
"""  # noqa: S608
_ALERTS = (
    "INSERT INTO price_alerts (user_id, part_id, target_price) SELECT id, %s, 900 FROM users WHERE email LIKE 'w%%'"
)
_POSTS = f"""
INSERT INTO posts (user_id, board_type, title, content, created_at)
SELECT %s, 'FREE', CONCAT('글 ', n), '내용', UTC_TIMESTAMP(6) - INTERVAL n SECOND FROM {_NUMBERS}
"""  # noqa: S608
_WAITED = """
SELECT COALESCE(MAX(TIMESTAMPDIFF(MICROSECOND, created_at, COALESCE(sent_at, UTC_TIMESTAMP(6)))), 0) / 1e6
FROM mail_outbox WHERE template = 'password-reset'
"""


async def value(cursor: Any, sql: str, *args: Any) -> Any:
    """The first column of the first row."""
    await cursor.execute(sql, args)
    rows = await cursor.fetchall()
    return rows[0][0]


async def in_batches(cursor: Any, sql: str, count: int, *args: Any) -> None:
    """Run it with all numbers up to `count` as its last argument."""
    for start in range(0, count, _BATCH):
        await cursor.execute(sql, (*args, str(list(range(start, min(count, start + _BATCH))))))


def bearer(settings: Any, user: int, role: str) -> dict[str, str]:
    """The header of a user who is logged in."""
    return {"Authorization": f"Bearer {Tokens(settings).access(user, role)}"}


async def make_user(cursor: Any, settings: Any, role: str) -> tuple[int, dict[str, str]]:
    """A new user and the header that says so."""
    unique = secrets.token_hex(6)
    sql = "INSERT INTO users (email, nickname, role, email_verified_at) VALUES (%s, %s, %s, UTC_TIMESTAMP(6))"
    await cursor.execute(sql, (f"{unique}@example.com", unique, role))
    user = int(cursor.lastrowid)
    return user, bearer(settings, user, role)


async def make_shop(cursor: Any, settings: Any) -> tuple[int, int]:
    """A new seller and their shop."""
    seller, _ = await make_user(cursor, settings, "SELLER")
    sql = "INSERT INTO sellers (user_id, name, site_url, status) VALUES (%s, %s, 'https://x.kr', 'ACTIVE')"
    await cursor.execute(sql, (seller, secrets.token_hex(6)))
    return seller, int(cursor.lastrowid)


async def worked_off(cursor: Any) -> None:
    """Return when the backlog is empty."""
    while await value(cursor, "SELECT COUNT(*) FROM backlog"):  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def alerts(client: httpx.AsyncClient, cursor: Any, settings: Any, aims: Aims) -> dict[str, Any]:
    """One price change, and the alerts that it triggers."""
    seller, _ = await make_shop(cursor, settings)
    headers = bearer(settings, seller, "SELLER")
    part = await value(cursor, "SELECT MIN(id) FROM parts WHERE is_deleted = FALSE")
    await cursor.execute("DELETE FROM price_entries WHERE part_id BETWEEN %s AND %s", (part, part + 5))
    await in_batches(cursor, _USERS, MANY)
    await cursor.execute(_ALERTS, (part,))
    plain = []
    for other in range(part + 1, part + 6):
        # Without any alert.
        began = time.perf_counter()
        await client.post("/sellers/products", json={"partId": other, "price": 800}, headers=headers)
        plain.append(time.perf_counter() - began)
    body = {"partId": part, "price": 800}
    began = time.perf_counter()
    (await client.post("/sellers/products", json=body, headers=headers)).raise_for_status()
    changed = time.perf_counter() - began
    told = 0
    while told < MANY and time.perf_counter() - began < 900:
        # Mails of another kind, all the while.
        await client.post("/auth/password/reset-request", json={"email": f"w{told % MANY}@example.com"})
        await asyncio.sleep(1)
        told = await value(cursor, "SELECT COUNT(*) FROM notifications WHERE type = 'PRICE_ALERT'")
    seconds = time.perf_counter() - began
    # Those that are written by now wait behind all mails of alerts.
    await asyncio.sleep(60)
    users = await value(cursor, "SELECT COUNT(DISTINCT user_id) FROM notifications WHERE type = 'PRICE_ALERT'")
    waited = float(await value(cursor, _WAITED))
    sent = await value(cursor, "SELECT COUNT(sent_at) FROM mail_outbox WHERE template = 'price-alert'")
    aims.check("the change of the price (ms)", changed * 1000, most=100)
    aims.check("all are told after (s)", seconds, most=600)
    aims.check("told twice", told - users, most=0)
    aims.check("left out", MANY - users, most=0)
    aims.check("longest wait of another mail (s)", waited, most=60)
    return {
        "alerts": MANY,
        "change ms": round(changed * 1000),
        "one without alerts ms": round(statistics.median(plain) * 1000),
        "all told s": round(seconds, 1),
        "twice": told - users,
        "mails sent meanwhile": sent,
        "longest wait of others s": round(waited, 1),
    }


async def names(client: httpx.AsyncClient, cursor: Any, settings: Any, aims: Aims) -> list[dict[str, Any]]:
    """A new name of an author of few posts, and of one of many: the request, and how long caches show the old one."""
    rows = []
    for count in (FEW, FEW, MANY):
        author, headers = await make_user(cursor, settings, "USER")
        await in_batches(cursor, _POSTS, count, author)
        await client.get("/users/me", headers=headers)
        spent = []
        for _ in range(5):
            began = time.perf_counter()
            body = {"nickname": secrets.token_hex(6)}
            (await client.patch("/users/me", json=body, headers=headers)).raise_for_status()
            spent.append(time.perf_counter() - began)
        await worked_off(cursor)
        rows.append(
            {
                "posts": count,
                "request ms": round(sorted(spent)[2] * 1000, 1),
                "done after s": round(time.perf_counter() - began, 1),
            }
        )
    # The first was the process's first.
    del rows[0]
    aims.check("a name of many posts against one of few", rows[1]["request ms"] / rows[0]["request ms"], most=2)
    return rows


async def shops(client: httpx.AsyncClient, cursor: Any, settings: Any, aims: Aims) -> list[dict[str, Any]]:
    """The owner of a shop of few offers is suspended, and one of many: the request, and how long parts have the shop's prices."""

    async def execute(sql: str, *args: Any) -> None:
        await cursor.execute(sql, args)

    _, headers = await make_user(cursor, settings, "ADMIN")
    rows = []
    for count in (FEW, FEW, OFFERS):
        seller, shop = await make_shop(cursor, settings)
        await stock.fill(execute, shop, count, secrets.token_hex(6))
        began = time.perf_counter()
        answer = await client.put(f"/admin/users/{seller}/status", json={"status": "SUSPENDED"}, headers=headers)
        answer.raise_for_status()
        spent = time.perf_counter() - began
        await worked_off(cursor)
        rows.append(
            {
                "offers": count,
                "request ms": round(spent * 1000, 1),
                "settled after s": round(time.perf_counter() - began, 1),
            }
        )
    # The first was the process's first.
    del rows[0]
    aims.check("the suspension of a seller (ms)", rows[1]["request ms"], most=100)
    aims.check("the parts of a large shop are settled after (s)", rows[1]["settled after s"], most=60)
    return rows


async def main() -> int:
    aims = Aims()
    with servers.mysql() as mysql, servers.redis() as (_, redis_port), mailbox() as mails:
        values: dict[str, Any] = {
            "mail_host": "127.0.0.1",
            "mail_port": mails.port,
            "rate_limit_login": 1_000_000,
            "zipkin_endpoint": "http://127.0.0.1:9/api/v2/spans",
            "tracing_sampling": 0.0,
        }
        async with AsyncExitStack() as stack:
            running, settings, cursor = await stack.enter_async_context(platform(mysql, redis_port, 2_000, **values))
            await stack.enter_async_context(replica(settings))
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=running.url, timeout=60))
            named = await names(client, cursor, settings, aims)
            closed = await shops(client, cursor, settings, aims)
            told = await alerts(client, cursor, settings, aims)
    show("A price that many wait for, two replicas", [told])
    show("A new name", named)
    show("A seller is suspended", closed)
    save("alerts", {"alerts": told, "names": named, "shops": closed, "missed": aims.missed, "load": os.getloadavg()})
    return 1 if aims.missed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
