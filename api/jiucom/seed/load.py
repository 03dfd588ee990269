"""Writes a seed into an empty database."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Protocol

import bcrypt

from jiucom.rules import popularity
from jiucom.seed.model import Seed

# Known to everyone: seeds are for machines without real users.
PASSWORD = "admin123"  # noqa: S105

_DERIVED = (
    # Prices follow the offers in stock; without any, the list prices.
    "UPDATE parts JOIN list_prices ON part_id = parts.id SET lowest_price = lowest, highest_price = highest",
    """
    UPDATE parts JOIN (
        SELECT part_id, MIN(price) AS lowest, MAX(price) AS highest
        FROM price_entries WHERE is_available GROUP BY part_id
    ) AS entries ON entries.part_id = parts.id
    SET lowest_price = entries.lowest, highest_price = entries.highest
    """,
    "UPDATE build_parts JOIN parts ON parts.id = part_id SET unit_price = lowest_price",
    """
    UPDATE builds SET total_price =
        (SELECT COALESCE(SUM(unit_price * quantity), 0) FROM build_parts WHERE build_id = builds.id)
    """,
    "UPDATE posts SET comment_count = (SELECT COUNT(*) FROM comments WHERE post_id = posts.id AND NOT is_deleted)",
    *(
        f"UPDATE {table} SET like_count ="  # noqa: S608
        f" (SELECT COUNT(*) FROM content_likes WHERE target_type = '{kind}' AND target_id = {table}.id)"
        for kind, table in (("POST", "posts"), ("COMMENT", "comments"), ("REVIEW", "reviews"), ("BUILD", "builds"))
    ),
)


class Cursor(Protocol):
    """The part of a driver's cursor that loading uses."""

    async def execute(self, query: str, args: Sequence[Any] | None = None) -> Any: ...
    async def executemany(self, query: str, args: Sequence[Sequence[Any]]) -> Any: ...
    async def fetchall(self) -> Sequence[tuple[Any, ...]]: ...


async def load(cursor: Cursor, seed: Seed, now: datetime) -> None:
    """Insert the rows of the seed, as if `now` (aware) were the time of the last of them. The caller commits."""
    await _accounts(cursor, seed, now)
    await _catalogue(cursor, seed, now)
    await _community(cursor, seed, now)
    for statement in _DERIVED:
        await cursor.execute(statement)
    await _popularity(cursor)


async def _accounts(cursor: Cursor, seed: Seed, now: datetime) -> None:
    # `$2a$`, like existing accounts; one hash for all keeps the start fast.
    password = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(10, prefix=b"2a")).decode()
    await cursor.executemany(
        "INSERT INTO users (id, email, password, nickname, role, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [(n, u.email, password, u.nickname, u.role, *_times(now, u.age)) for n, u in enumerate(seed.users, 1)],
    )


async def _catalogue(cursor: Cursor, seed: Seed, now: datetime) -> None:
    # Before the first day of the price history.
    created = _times(now, 24 * 31)
    await cursor.executemany(
        "INSERT INTO sellers (id, name, site_url, reliability_score, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        [(n, s.name, s.site_url, s.reliability_score, *created) for n, s in enumerate(seed.sellers, 1)],
    )
    await cursor.executemany(
        "INSERT INTO parts (id, name, category, manufacturer, model_number, specs, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [(n, *part[:4], json.dumps(part.specs, ensure_ascii=False), *created) for n, part in enumerate(seed.parts, 1)],
    )
    await cursor.executemany(
        "INSERT INTO list_prices (part_id, lowest, highest) VALUES (%s, %s, %s)",
        [(n, *part.prices) for n, part in enumerate(seed.parts, 1)],
    )
    await cursor.executemany(
        "INSERT INTO price_entries (part_id, seller_id, price, is_available, product_url, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [(*offer, seed.sellers[offer.seller - 1].site_url, *created) for offer in seed.offers],
    )
    await cursor.executemany(
        "INSERT INTO price_history (part_id, seller_id, price, record_date) VALUES (%s, %s, %s, %s)",
        [(p.part, p.seller, p.price, _day(now, p.days_ago)) for p in seed.history],
    )


async def _community(cursor: Cursor, seed: Seed, now: datetime) -> None:
    await cursor.executemany(
        "INSERT INTO builds (id, user_id, name, description, is_public, is_template, view_count, created_at,"
        " updated_at) VALUES (%s, %s, %s, %s, TRUE, %s, %s, %s, %s)",
        [
            (n, b.owner, b.name, b.description, b.template, b.views, *_times(now, b.age))
            for n, b in enumerate(seed.builds, 1)
        ],
    )
    await cursor.executemany(
        "INSERT INTO build_parts (build_id, part_id) VALUES (%s, %s)",
        [(n, part) for n, build in enumerate(seed.builds, 1) for part in build.parts],
    )
    await cursor.executemany(
        "INSERT INTO posts (id, user_id, board_type, title, content, view_count, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [(n, *post[:5], *_times(now, post.age)) for n, post in enumerate(seed.posts, 1)],
    )
    await cursor.executemany(
        "INSERT INTO comments (id, post_id, user_id, content, parent_id, root_id, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (n, c.post, c.author, c.content, c.parent, _root(seed, c.parent), *_times(now, c.age))
            for n, c in enumerate(seed.comments, 1)
        ],
    )
    await cursor.executemany(
        "INSERT INTO reviews (id, user_id, part_id, rating, content, created_at, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [(n, *review[:4], *_times(now, review.age)) for n, review in enumerate(seed.reviews, 1)],
    )
    await cursor.executemany("INSERT INTO favorites (user_id, part_id) VALUES (%s, %s)", seed.favorites)
    await cursor.executemany(
        "INSERT INTO content_likes (user_id, target_type, target_id) VALUES (%s, %s, %s)", seed.likes
    )


async def _popularity(cursor: Cursor) -> None:
    await cursor.execute("SELECT category, name, lowest_price, id FROM parts")
    rows = await cursor.fetchall()
    await cursor.executemany(
        "UPDATE parts SET popularity_score = %s WHERE id = %s",
        [(popularity.score(category, name, price), part) for category, name, price, part in rows],
    )


def _root(seed: Seed, parent: int | None) -> int | None:
    """The first comment of the thread that `parent` belongs to."""
    while parent is not None and (above := seed.comments[parent - 1].parent) is not None:
        parent = above
    return parent


def _times(now: datetime, age: float) -> tuple[datetime, datetime]:
    """created_at and updated_at of a row that is `age` hours old, as stored (naive, UTC)."""
    moment = (now - timedelta(hours=age)).astimezone(UTC).replace(tzinfo=None)
    return moment, moment


def _day(now: datetime, days_ago: int) -> date:
    """The day in the zone of `now`."""
    return now.date() - timedelta(days=days_ago)
