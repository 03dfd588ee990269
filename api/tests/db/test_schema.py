"""Unique and foreign keys of the schema."""

from typing import Any

import asyncmy.errors
import pytest

from jiucom.settings import Settings

from .conftest import connected, rows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def cursor(migrated: Settings) -> Any:
    """A transaction that is rolled back, with a user (1), a part (1) and a seller (1) in it."""
    async with connected(migrated, autocommit=False) as cursor:
        await cursor.execute("INSERT INTO users (id, email, nickname) VALUES (1, 'kim@example.com', '김철수')")
        await cursor.execute("INSERT INTO parts (id, name, category, manufacturer) VALUES (1, 'RTX', 'GPU', 'NVIDIA')")
        await cursor.execute("INSERT INTO sellers (id, name, site_url) VALUES (1, '다나와', 'https://www.danawa.com')")
        yield cursor


async def refused(cursor: Any, statement: str, code: int = 1062) -> None:
    with pytest.raises(asyncmy.errors.MySQLError) as error:
        await cursor.execute(statement)
    assert error.value.args[0] == code


async def test_addresses_and_nicknames_are_unique_in_any_case(cursor: Any) -> None:
    await refused(cursor, "INSERT INTO users (email, nickname) VALUES ('KIM@example.com', '다른이')")
    await refused(cursor, "INSERT INTO users (email, nickname) VALUES ('lee@example.com', '김철수')")
    await cursor.execute("INSERT INTO users (email, nickname) VALUES ('lee@example.com', 'Lee')")
    await refused(cursor, "INSERT INTO users (email, nickname) VALUES ('park@example.com', 'lee')")


async def test_a_withdrawn_user_frees_both(cursor: Any) -> None:
    await cursor.execute("UPDATE users SET is_deleted = TRUE, status = 'WITHDRAWN' WHERE id = 1")
    for _ in range(2):
        await cursor.execute("INSERT INTO users (email, nickname) VALUES ('kim@example.com', '김철수')")
        await refused(cursor, "INSERT INTO users (email, nickname) VALUES ('kim@example.com', '이영희')")
        await cursor.execute("UPDATE users SET is_deleted = TRUE WHERE living_email = 'kim@example.com'")


@pytest.mark.parametrize("other", ["김철수 ", "😀", "jose"])
async def test_names_that_differ(cursor: Any, other: str) -> None:
    """Trailing blanks and emoji tell names apart, and accents tell addresses apart."""
    await cursor.execute("INSERT INTO users (email, nickname) VALUES ('josé@example.com', '😁')")
    await cursor.execute("INSERT INTO users (email, nickname) VALUES (%s, %s)", (f"{other.strip()}@example.com", other))


async def test_one_living_review_of_a_part(cursor: Any) -> None:
    insert = "INSERT INTO reviews (user_id, part_id, rating, content) VALUES (1, 1, 5, '좋아요')"
    await cursor.execute(insert)
    await refused(cursor, insert)
    await cursor.execute("UPDATE reviews SET is_deleted = TRUE")
    await cursor.execute(insert)
    await refused(cursor, insert)
    await refused(cursor, "UPDATE reviews SET rating = 6", 3819)


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO price_entries (part_id, seller_id, price) VALUES (1, 1, 1000)",
        "INSERT INTO price_history (part_id, seller_id, price, record_date) VALUES (1, 1, 1000, '2026-11-22')",
        "INSERT INTO favorites (user_id, part_id) VALUES (1, 1)",
        "INSERT INTO content_likes (user_id, target_type, target_id) VALUES (1, 'POST', 1)",
        "INSERT INTO notifications (user_id, type, title, message, dedup_key) VALUES (1, 'X', 'x', 'x', 'ALERT:1:1')",
        "INSERT INTO mail_outbox (recipient, template, variables, dedup_key) VALUES ('a', 'x', '{}', 'ALERT:1:1')",
        "INSERT INTO images (user_id, directory, file_name, content_type, size_bytes, width, height, sha256)"
        " VALUES (1, 'posts', 'a.png', 'image/png', 1, 1, 1, '')",
        "INSERT INTO sellers (user_id, name, site_url) VALUES (1, '내 가게', '')",
        "INSERT INTO job_locks (job, locked_by, locked_until) VALUES ('counters', 'a', NOW())",
    ],
    ids=lambda insert: insert.split()[2],
)
async def test_once_only(cursor: Any, insert: str) -> None:
    await cursor.execute(insert)
    await refused(cursor, insert)


async def test_tokens_are_compared_byte_by_byte(cursor: Any) -> None:
    insert = "INSERT INTO builds (user_id, name, share_token) VALUES (1, 'x', %s)"
    await cursor.execute(insert, ("abc",))
    await cursor.execute(insert, ("ABC",))
    await refused(cursor, insert % "'abc'")


async def test_a_price_of_the_day_replaces_the_earlier_one(cursor: Any) -> None:
    upsert = (
        "INSERT INTO price_history (part_id, seller_id, price, record_date) VALUES (1, 1, %s, '2026-11-22')"
        " AS new ON DUPLICATE KEY UPDATE price = new.price"
    )
    for price in (1000, 900):
        await cursor.execute(upsert, (price,))
    await cursor.execute("SELECT price FROM price_history")
    assert await cursor.fetchall() == ((900,),)


LISTS = {
    "parts": [
        ("idx_parts_popularity", "is_deleted = FALSE", "popularity_score DESC, id DESC"),
        ("idx_parts_category_popularity", "is_deleted = FALSE AND category = 'CPU'", "popularity_score DESC, id DESC"),
        ("idx_parts_ascending", "is_deleted = FALSE", "ascending_price, id"),
        ("idx_parts_category_ascending", "is_deleted = FALSE AND category = 'CPU'", "ascending_price, id"),
        ("idx_parts_lowest", "is_deleted = FALSE", "lowest_price DESC, id DESC"),
        ("idx_parts_category_lowest", "is_deleted = FALSE AND category = 'CPU'", "lowest_price DESC, id DESC"),
        ("idx_parts_name", "is_deleted = FALSE", "name, id"),
        ("idx_parts_name", "is_deleted = FALSE", "name DESC, id DESC"),
        ("idx_parts_category_name", "is_deleted = FALSE AND category = 'CPU'", "name, id"),
        ("idx_parts_created", "is_deleted = FALSE", "created_at DESC, id DESC"),
        ("idx_parts_category_created", "is_deleted = FALSE AND category = 'CPU'", "created_at DESC, id DESC"),
    ],
    "builds": [
        ("idx_builds_public_created", "is_deleted = FALSE AND is_public = TRUE", "created_at DESC, id DESC"),
        (
            "idx_builds_public_popular",
            "is_deleted = FALSE AND is_public = TRUE",
            "like_count DESC, view_count DESC, id DESC",
        ),
        ("idx_builds_public_price", "is_deleted = FALSE AND is_public = TRUE", "total_price, id"),
        ("idx_builds_user", "user_id = 1 AND is_deleted = FALSE", "created_at DESC, id DESC"),
        ("idx_builds_template", "is_deleted = FALSE AND is_template = TRUE", "created_at DESC, id DESC"),
    ],
    "posts": [
        ("idx_posts_created", "is_deleted = FALSE", "created_at DESC, id DESC"),
        ("idx_posts_board_created", "is_deleted = FALSE AND board_type = 'FREE'", "created_at DESC, id DESC"),
        ("idx_posts_user", "user_id = 1 AND is_deleted = FALSE", "created_at DESC, id DESC"),
    ],
    "comments": [
        ("idx_comments_post_root", "post_id = 1 AND root_id IS NULL", "id"),
        ("idx_comments_root", "root_id = 1", "id"),
    ],
    "reviews": [
        ("idx_reviews_part", "part_id = 1 AND is_deleted = FALSE", "created_at DESC, id DESC"),
        ("idx_reviews_user", "user_id = 1 AND is_deleted = FALSE", "created_at DESC, id DESC"),
    ],
    "favorites": [("idx_favorites_user_created", "user_id = 1", "created_at DESC, id DESC")],
    "notifications": [("idx_notifications_user", "user_id = 1 AND is_deleted = FALSE", "created_at DESC, id DESC")],
    "price_entries": [("idx_price_entries_part_price", "part_id = 1 AND is_available = TRUE", "price, id")],
    "users": [("idx_users_created", "TRUE", "created_at DESC, id DESC")],
    "audit_log": [("idx_audit_log_created", "TRUE", "created_at DESC, id DESC")],
}


@pytest.mark.parametrize(
    ("table", "index", "where", "order"), [(table, *entry) for table, entries in LISTS.items() for entry in entries]
)
async def test_an_index_serves_the_list_in_order(
    migrated: Settings, table: str, index: str, where: str, order: str
) -> None:
    ((plan,),) = await rows(
        migrated,
        f"EXPLAIN FORMAT=TREE SELECT * FROM {table} FORCE INDEX ({index}) WHERE {where} ORDER BY {order} LIMIT 20",  # noqa: S608
    )
    assert index in plan
    assert "Sort" not in plan


@pytest.mark.parametrize(
    ("index", "category"), [("idx_parts_popularity", ""), ("idx_parts_category_popularity", " AND category = 'CPU'")]
)
async def test_a_price_range_of_the_popular_is_read_off_an_index(migrated: Settings, index: str, category: str) -> None:
    ((plan,),) = await rows(
        migrated,
        f"EXPLAIN FORMAT=TREE SELECT id FROM parts FORCE INDEX ({index}) WHERE is_deleted = FALSE{category}"  # noqa: S608
        " AND lowest_price BETWEEN 1 AND 2 ORDER BY popularity_score DESC, id DESC LIMIT 20",
    )
    assert "Covering index" in plan
    assert "Sort" not in plan
