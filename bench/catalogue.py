"""A generated catalogue of any size: parts of six categories, two offers each, a history of prices."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

from jiucom.rules import popularity

# Category: makers, series, models, kinds, and what a part costs (KRW).
_KINDS: dict[str, tuple[list[str], list[str], list[str], list[str], tuple[int, int]]] = {
    "CPU": (
        ["AMD", "인텔"],
        ["라이젠 5", "라이젠 7", "라이젠 9", "Ryzen 7", "코어 i5", "코어 i7", "코어 울트라 7"],
        ["7600X", "7800X3D", "9700X", "9950X", "14600K", "14700K", "265K"],
        ["정품", "멀티팩", "벌크", "트레이"],
        (90_000, 900_000),
    ),
    "GPU": (
        ["ASUS", "MSI", "기가바이트", "이엠텍", "조텍", "갤럭시"],
        ["지포스 RTX", "라데온 RX", "GeForce RTX"],
        ["4060", "4070 SUPER", "4070 Ti SUPER", "5080", "7800 XT", "7900 XTX"],
        ["TUF Gaming OC", "게이밍 X 슬림", "이글 OC", "미라클 화이트", "트윈 엣지"],
        (350_000, 2_800_000),
    ),
    "MOTHERBOARD": (
        ["ASUS", "MSI", "GIGABYTE", "ASRock"],
        ["ROG STRIX", "MAG", "어로스", "프라임", "PRO"],
        ["B650E-F", "B650M-A", "X670E-E", "Z790-P", "B760M", "X870-A"],
        ["WIFI", "D5", "코잇", "아이보라"],
        (110_000, 900_000),
    ),
    "RAM": (
        ["삼성전자", "G.SKILL", "커세어", "TeamGroup", "SK하이닉스"],
        ["DDR5-5600", "DDR5-6000", "DDR5-6400", "DDR4-3200"],
        ["CL30 16GB", "CL36 32GB", "CL40 48GB", "CL22 8GB"],
        ["패키지", "RGB 화이트", "블랙", "서린"],
        (25_000, 400_000),
    ),
    "SSD": (
        ["삼성전자", "WD", "SK하이닉스", "마이크론 Crucial"],
        ["990 PRO", "Black SN850X", "Platinum P41", "T500", "980"],
        ["M.2 NVMe 1TB", "M.2 NVMe 2TB", "M.2 NVMe 4TB", "M.2 NVMe 500GB"],
        ["정품", "방열판", "해외구매", "병행수입"],
        (50_000, 600_000),
    ),
    "CASE": (
        ["NZXT", "앱코", "마이크로닉스", "리안리", "darkFlash"],
        ["H7", "H9 Flow", "PC-O11", "U30P", "DLX21", "위즈맥스"],
        ["강화유리", "메쉬", "RGB", "ARGB PWM"],
        ["블랙", "화이트", "핑크", "실버"],
        (40_000, 320_000),
    ),
}
_SELLERS = 40
_BATCH = 5_000

# Only for parts that were made here: their names end with a number.
_OFFERS = """
INSERT INTO price_entries (part_id, seller_id, price)
SELECT id, %s + (id * 7 + n) MOD %s, IF(n = 0, lowest_price, highest_price)
FROM parts JOIN (SELECT 0 AS n UNION SELECT 1) AS offers WHERE name REGEXP ' [0-9]{6}$'
"""
_HISTORY = """
INSERT INTO price_history (part_id, seller_id, price, record_date)
SELECT id, %s + (id * 7) MOD %s, lowest_price + d * 100, CURRENT_DATE - INTERVAL d * 9 DAY
FROM parts JOIN (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2) AS days WHERE name REGEXP ' [0-9]{6}$'
"""


def parts(count: int) -> Iterator[tuple[Any, ...]]:
    """Rows of parts: name, category, manufacturer, model number, specs, lowest and highest price, popularity."""
    dice = random.Random(1)  # noqa: S311
    for number, category in zip(range(count), itertools.cycle(_KINDS), strict=False):
        makers, series, models, kinds, (low, high) = _KINDS[category]
        maker, model = dice.choice(makers), dice.choice(models)
        name = f"{maker} {dice.choice(series)} {model} {dice.choice(kinds)} {number:06d}"
        lowest = dice.randrange(low, high, 100)
        highest = lowest + lowest * dice.randrange(1, 20) // 100
        score = popularity.score(category, name, lowest)
        yield name, category, maker, f"{model}-{number}", '{"socket": "AM5"}', lowest, highest, score


async def fill(cursor: Any, count: int) -> None:
    """`count` parts and five price rows for each: two offers, three days of history. The cursor is root's."""
    for statement in (
        *("SET foreign_key_checks = 0", "SET unique_checks = 0", "SET innodb_ft_enable_stopword = 0"),
        # Built at the end in one go, as it takes a tenth of the time.
        "ALTER TABLE parts DROP INDEX ft_parts_search",
    ):
        await cursor.execute(statement)
    await cursor.executemany(
        "INSERT INTO sellers (name, site_url, status) VALUES (%s, 'https://shop.example.com', 'ACTIVE')",
        [(f"판매처 {number}",) for number in range(1, _SELLERS + 1)],
    )
    rows = parts(count)
    while batch := list(itertools.islice(rows, _BATCH)):
        await cursor.executemany(
            "INSERT INTO parts (name, category, manufacturer, model_number, specs, lowest_price, highest_price,"
            " popularity_score, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s,"
            " TIMESTAMPADD(SECOND, -CRC32(name) %% 10000000, UTC_TIMESTAMP(6)))",
            batch,
        )
    await cursor.execute("SELECT MIN(id) FROM sellers WHERE name = '판매처 1'")
    ((first_seller,),) = await cursor.fetchall()
    for statement in (_OFFERS, _HISTORY):
        await cursor.execute(statement, (first_seller, _SELLERS))
    for statement in (
        "ALTER TABLE parts ADD FULLTEXT INDEX ft_parts_search (search_text) WITH PARSER ngram",
        "ANALYZE TABLE parts, price_entries, price_history",
    ):
        await cursor.execute(statement)
        await cursor.fetchall()
