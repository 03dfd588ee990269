"""Seeds on a real server."""

import asyncio
import dataclasses
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import asyncmy.errors
import bcrypt
import pytest

from jiucom import seed
from jiucom.db import migrate
from jiucom.rules import popularity
from jiucom.seed.catalogue import PARTS
from jiucom.seed.demo import DEMO
from jiucom.seed.model import Favorite
from jiucom.settings import Settings

from .conftest import rows

pytestmark = pytest.mark.anyio

COUNTS = {
    "dev": {
        "users": 1,
        "sellers": 3,
        "parts": 5,
        "price_entries": 11,
        "price_history": 10,
        "builds": 1,
        "build_parts": 5,
        "posts": 3,
        "comments": 3,
        "comments WHERE parent_id IS NOT NULL": 1,
        "reviews": 2,
        "favorites": 2,
        "content_likes": 3,
    },
    "demo": {
        "users": 4,
        "sellers": 5,
        "parts": 28,
        "price_entries": 55,
        "price_entries WHERE seller_id = 1": 28,
        "price_entries WHERE seller_id = 2": 11,
        "price_entries WHERE seller_id = 3": 4,
        "price_entries WHERE seller_id = 4": 12,
        "price_history": 18,
        "price_history WHERE part_id = 7 AND seller_id = 1": 7,
        "price_history WHERE part_id = 7 AND seller_id = 2": 4,
        "price_history WHERE part_id = 1": 4,
        "price_history WHERE part_id = 18": 3,
        "builds": 3,
        "build_parts": 24,
        "posts": 8,
        "posts WHERE board_type = 'FREE'": 4,
        "posts WHERE board_type = 'QNA'": 2,
        "comments": 19,
        "comments WHERE parent_id IS NOT NULL": 3,
        "comments WHERE root_id IS NOT NULL": 3,
        "reviews": 8,
        "favorites": 7,
        "content_likes": 9,
        "content_likes WHERE target_type = 'POST'": 4,
        "content_likes WHERE target_type = 'BUILD'": 3,
        "content_likes WHERE target_type = 'REVIEW'": 2,
    },
}

# Each finds the rows that break a promise.
BROKEN = {
    "total": "SELECT id FROM builds b"
    " WHERE total_price <> (SELECT SUM(quantity * unit_price) FROM build_parts WHERE build_id = b.id)",
    "unit price": "SELECT l.id FROM build_parts l JOIN parts p ON p.id = l.part_id"
    " WHERE l.unit_price <> p.lowest_price",
    "lowest price": "SELECT id FROM parts p"
    " WHERE lowest_price <> (SELECT MIN(price) FROM price_entries WHERE part_id = p.id AND is_available)",
    "highest price": "SELECT id FROM parts p"
    " WHERE highest_price <> (SELECT MAX(price) FROM price_entries WHERE part_id = p.id AND is_available)",
    "comment count": "SELECT id FROM posts p"
    " WHERE comment_count <> (SELECT COUNT(*) FROM comments c WHERE c.post_id = p.id)",
    "likes of a post": "SELECT id FROM posts p WHERE like_count <>"
    " (SELECT COUNT(*) FROM content_likes WHERE target_type = 'POST' AND target_id = p.id)",
    "likes of a build": "SELECT id FROM builds b WHERE like_count <>"
    " (SELECT COUNT(*) FROM content_likes WHERE target_type = 'BUILD' AND target_id = b.id)",
    "likes of a review": "SELECT id FROM reviews r WHERE like_count <>"
    " (SELECT COUNT(*) FROM content_likes WHERE target_type = 'REVIEW' AND target_id = r.id)",
    "replies stay in their post": "SELECT c.id FROM comments c JOIN comments p ON p.id = c.parent_id"
    " WHERE p.post_id <> c.post_id OR p.created_at > c.created_at",
    "comments follow posts": "SELECT c.id FROM comments c JOIN posts p ON p.id = c.post_id"
    " WHERE c.created_at < p.created_at",
    "comments in the order of their ids": "SELECT c.id FROM comments c JOIN comments later USING (post_id)"
    " WHERE later.id > c.id AND later.created_at < c.created_at",
    "authors were there": "SELECT c.id FROM users u JOIN"
    " (SELECT id, user_id, created_at FROM comments UNION ALL SELECT id, user_id, created_at FROM posts"
    "  UNION ALL SELECT id, user_id, created_at FROM reviews UNION ALL SELECT id, user_id, created_at FROM builds)"
    " AS c ON c.user_id = u.id WHERE c.created_at < u.created_at",
    "the last price of the history holds": "SELECT h.id FROM price_history h"
    " JOIN price_entries e USING (part_id, seller_id)"
    " WHERE h.record_date = (SELECT MAX(record_date) FROM price_history) AND h.price <> e.price",
    "nothing is from the future": "SELECT id FROM comments WHERE created_at > UTC_TIMESTAMP(6)",
}


@pytest.fixture(scope="module", params=["dev", "demo"])
async def seeded(request: pytest.FixtureRequest, make_database: Callable[[], Any]) -> tuple[str, Settings]:
    """Filled by three replicas that start at once."""
    settings = await make_database()
    await migrate.upgrade(settings)
    written = await asyncio.gather(*(seed.run(settings, request.param) for _ in range(3)))
    assert sorted(written) == [False, False, True]
    return request.param, settings


async def test_rows(seeded: tuple[str, Settings]) -> None:
    name, settings = seeded
    found = {what: (await rows(settings, f"SELECT COUNT(*) FROM {what}"))[0][0] for what in COUNTS[name]}  # noqa: S608
    assert found == COUNTS[name]


@pytest.mark.parametrize("query", BROKEN.values(), ids=BROKEN.keys())
async def test_counters_match_the_seeded_rows(seeded: tuple[str, Settings], query: str) -> None:
    assert await rows(seeded[1], query) == []


async def test_popularity(seeded: tuple[str, Settings]) -> None:
    for category, name, price, score in await rows(
        seeded[1], "SELECT category, name, lowest_price, popularity_score FROM parts"
    ):
        assert score == popularity.score(category, name, price)


async def test_prices_are_as_specified(seeded: tuple[str, Settings]) -> None:
    expected = {part.name: part.prices for part in PARTS}
    assert len(expected) == 28
    for name, low, high in await rows(seeded[1], "SELECT name, lowest_price, highest_price FROM parts"):
        assert (low, high) == expected[name]


async def test_build_totals(seeded: tuple[str, Settings]) -> None:
    expected = {"dev": [2_226_000], "demo": [4_303_000, 1_622_000, 2_803_000]}
    totals = await rows(seeded[1], "SELECT total_price FROM builds ORDER BY id")
    assert [total for (total,) in totals] == expected[seeded[0]]


async def test_accounts(seeded: tuple[str, Settings]) -> None:
    for address, password, role in await rows(seeded[1], "SELECT email, password, role FROM users"):
        assert bcrypt.checkpw(b"admin123", password.encode())
        assert password.startswith("$2a$10$")
        assert role == ("ADMIN" if address == "admin@jiucom.com" else "USER")


async def test_the_client_can_print_specs_with_units(seeded: tuple[str, Settings]) -> None:
    """The client appends W and GB to these itself."""
    plain = {"CPU": ("tdp",), "GPU": ("tdp", "memory"), "RAM": ("capacity", "speed"), "POWER_SUPPLY": ("wattage",)}
    for category, text in await rows(seeded[1], "SELECT category, specs FROM parts"):
        specs = json.loads(text)
        assert all(isinstance(specs[key], int) for key in plain.get(category, ()))


async def test_days_are_those_of_the_zone(seeded: tuple[str, Settings]) -> None:
    (youngest,) = await rows(
        seeded[1], "SELECT MAX(record_date), MIN(DATEDIFF(record_date, created_at)) FROM price_history"
    )
    assert (datetime.now(ZoneInfo("Asia/Seoul")).date() - youngest[0]).days in {0, 1}
    assert youngest[1] >= -31


async def test_a_seed_that_fails_leaves_nothing(database: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    await migrate.upgrade(database)
    broken = dataclasses.replace(DEMO, favorites=(*DEMO.favorites, Favorite(2, 999)))
    monkeypatch.setitem(seed.SEEDS, "demo", broken)
    with pytest.raises(asyncmy.errors.IntegrityError):
        await seed.run(database, "demo")
    assert await rows(database, "SELECT (SELECT COUNT(*) FROM users) + (SELECT COUNT(*) FROM parts)") == [(0,)]
    monkeypatch.setitem(seed.SEEDS, "demo", DEMO)
    assert await seed.run(database, "demo")


async def test_names_of_seeds(database: Settings) -> None:
    assert not await seed.run(database, "none")
    with pytest.raises(ValueError, match="one of none, dev, demo"):
        await seed.run(database, "prod")
