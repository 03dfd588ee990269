"""Search on a real server: the named part comes first, and nothing else is found."""

import unicodedata
from collections.abc import Callable
from typing import Any

import pytest

from jiucom import seed
from jiucom.db import migrate, search_sql
from jiucom.db.search_sql import Searchable
from jiucom.db.sql import Sql
from jiucom.domains.parts import search_queries
from jiucom.rules.search_terms import plan
from jiucom.settings import Settings

from .conftest import connected, rows

pytestmark = pytest.mark.anyio

# The first hit, and how many there are.
QUERIES = {
    "Ryzen 7 7800X3D": ("AMD Ryzen 7 7800X3D", 1),
    "Ryzen 7": ("AMD Ryzen 7 7800X3D", 3),
    "라이젠 7": ("AMD Ryzen 7 7800X3D", 3),
    "7800x3d": ("AMD Ryzen 7 7800X3D", 1),
    "RTX 4070": ("NVIDIA GeForce RTX 4070 Ti SUPER", 1),
    "4070 ti super": ("NVIDIA GeForce RTX 4070 Ti SUPER", 1),
    "B650E-F": ("ASUS ROG STRIX B650E-F GAMING WIFI", 1),
    "i7-14700K": ("Intel Core i7-14700K", 1),
    "80+": ("마이크로닉스 Classic II 700W 80+ Bronze", 3),
    "80+ gold": ("Corsair RM850x 850W 80+ Gold", 2),
    "삼성 SSD": ("Samsung 990 PRO 1TB NVMe", 2),
    "990 pro 2tb": ("Samsung 990 PRO 2TB NVMe", 1),
    "DDR5 6000": ("G.SKILL Trident Z5 RGB DDR5 32GB (16GBx2) 6000MHz", 1),
    "램": ("Samsung DDR5 32GB (16GBx2) 5600MHz", 3),
    "램 32GB": ("Samsung DDR5 32GB (16GBx2) 5600MHz", 2),
    "쿨러 360": ("NZXT Kraken 360 RGB", 1),
    "adeo": ("AMD Radeon RX 7900 XTX", 1),
    "NZXT H7": ("NZXT H7 Flow", 1),
    "앱코": ("앱코 SUITMASTER H300 GLASS", 1),
    "WD Black": ("WD Black SN850X 1TB NVMe", 1),
    "마이크로닉스 700W": ("마이크로닉스 Classic II 700W 80+ Bronze", 1),
    "32GB 램": ("Samsung DDR5 32GB (16GBx2) 5600MHz", 2),
    "DDR5-6000": ("G.SKILL Trident Z5 RGB DDR5 32GB (16GBx2) 6000MHz", 1),
    "rtx-4090": ("NVIDIA GeForce RTX 4090", 1),
    "RTX4090": ("NVIDIA GeForce RTX 4090", 1),
    "990-pro": ("Samsung 990 PRO 1TB NVMe", 2),
    "990pro": ("Samsung 990 PRO 1TB NVMe", 2),
    "ryzen-7": ("AMD Ryzen 7 7800X3D", 1),
    "rm-850x": ("Corsair RM850x 850W 80+ Gold", 1),
    "b650e f": ("ASUS ROG STRIX B650E-F GAMING WIFI", 1),
    "wi-fi b650e": ("ASUS ROG STRIX B650E-F GAMING WIFI", 1),
    "990\u200b PRO\ufeff": ("Samsung 990 PRO 1TB NVMe", 2),
    "yzen": ("AMD Ryzen 7 7800X3D", 3),
}
# In the way of a search that takes pairs for words, or wildcards for wildcards.
DECOYS = ("video card idea", "Frame Ramp 프레임", "100% 순동 케이블", "a_b 젠더", 'It\'s "9" 공구')
LARGE = 200_000


async def find(settings: Settings, query: str, **options: Any) -> list[str]:
    sql = search_queries.search(plan(query), "parts.name", limit=20, **options)
    return [name for (name,) in await rows(settings, sql.text, sql.args)]


@pytest.fixture(scope="module")
async def catalogue(make_database: Callable[[], Any]) -> Any:
    """The demo seed, and parts that must not be found by mistake."""
    settings = await make_database()
    await migrate.upgrade(settings)
    await seed.run(settings, "demo")
    async with connected(settings) as cursor:
        await cursor.executemany(
            "INSERT INTO parts (name, category, manufacturer, popularity_score) VALUES (%s, 'ETC', 'Etc', 99)",
            [(name,) for name in DECOYS],
        )
    return settings


@pytest.mark.parametrize(("query", "expected"), QUERIES.items(), ids=QUERIES.keys())
async def test_the_named_part_comes_first(catalogue: Settings, query: str, expected: tuple[str, int]) -> None:
    first, number = expected
    for spelling in (query, query.upper(), unicodedata.normalize("NFD", query)):
        found = await find(catalogue, spelling)
        assert (found[0], len(found)) == (first, number)
        sql = search_queries.count(plan(spelling))
        assert await rows(catalogue, sql.text, sql.args) == [(number,)]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("100%", ["100% 순동 케이블"]),
        ("%", []),
        ("_", []),
        ("a_b", ["a_b 젠더"]),
        ("a%b", []),
        ("it's", ['It\'s "9" 공구']),
        ('"9" it', ['It\'s "9" 공구']),
        ("+ryzen -amd", []),
        ("ryz*", []),
        ("(", []),
        ("\\", []),
        ("@@innodb > <", []),
        ("없는부품", []),
    ],
)
async def test_search_operators_are_taken_literally(catalogue: Settings, query: str, expected: list[str]) -> None:
    assert await find(catalogue, query) == expected


async def test_without_words_the_catalogue_by_popularity(catalogue: Settings) -> None:
    assert set((await find(catalogue, "  "))[: len(DECOYS)]) == set(DECOYS)


async def test_filters_narrow_and_pages_continue(catalogue: Settings) -> None:
    cheap = Sql("parts.category = %s AND parts.lowest_price <= %s", ("CPU", 300_000))
    assert await find(catalogue, "intel", filters=cheap) == ["Intel Core i5-14600K"]
    everything = await find(catalogue, "nvme")
    assert [*await find(catalogue, "nvme", offset=0), *await find(catalogue, "nvme", offset=3)] == everything


async def test_deleted_parts_are_not_found(catalogue: Settings) -> None:
    async with connected(catalogue) as cursor:
        await cursor.execute("UPDATE parts SET is_deleted = TRUE WHERE id = 9")
        try:
            assert await find(catalogue, "radeon") == []
        finally:
            await cursor.execute("UPDATE parts SET is_deleted = FALSE WHERE id = 9")


@pytest.mark.parametrize(
    ("query", "expected"),
    [("노스", [5, 8]), ("7800x3d 4070", [1]), ("B650", [2]), ("160만", [3]), ("마이크로닉스", [])],
)
async def test_other_tables_are_searched_the_same_way(catalogue: Settings, query: str, expected: list[int]) -> None:
    target = Searchable(
        table="posts",
        fulltext="posts.title, posts.content",
        text="CONCAT_WS(' ', posts.title, posts.content)",
        title="posts.title",
        visible="posts.is_deleted = FALSE",
    )
    source, condition = search_sql.source(target, plan(query)), search_sql.condition(target, plan(query))
    found = await rows(
        catalogue,
        f"SELECT posts.id FROM {source.text} WHERE {condition.text} ORDER BY posts.id",  # noqa: S608
        (*source.args, *condition.args),
    )
    assert [post for (post,) in found] == expected


@pytest.fixture(scope="module")
async def large(make_database: Callable[[], Any]) -> Any:
    """The demo seed among many parts with names alike."""
    settings = await make_database()
    await migrate.upgrade(settings)
    await seed.run(settings, "demo")
    async with connected(settings) as cursor:
        await cursor.execute("SET SESSION cte_max_recursion_depth = 10000")
        await cursor.execute(
            f"""
            INSERT INTO parts (name, category, manufacturer, model_number, lowest_price, popularity_score)
            WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {LARGE // 28})
            SELECT CONCAT(name, ' ', n), category, manufacturer, CONCAT('M', n * 28 + id), lowest_price + n, n % 90
            FROM n CROSS JOIN parts
            """  # noqa: S608
        )
        await cursor.execute("ANALYZE TABLE parts")
    return settings


@pytest.mark.parametrize("query", [*QUERIES, "%", "7"])
async def test_no_search_reads_the_whole_table(large: Settings, query: str) -> None:
    sql = search_queries.search(plan(query), "parts.name", limit=20)
    ((explained,),) = await rows(large, f"EXPLAIN FORMAT=TREE {sql.text}", sql.args)
    assert "Full-text index search on parts" in explained or "index range scan on parts" in explained
    assert "Table scan on parts" not in explained
    assert "Index scan on parts" not in explained
