"""Shops with very many offers."""

from collections.abc import Awaitable, Callable
from typing import Any

_PARTS = """
INSERT INTO parts (name, category, manufacturer, lowest_price, highest_price)
SELECT CONCAT('x', n), 'ETC', %s, 700, 700 FROM JSON_TABLE(%s, '$[*]' COLUMNS (n INT PATH '$')) AS numbers
"""
_LIST_PRICES = (
    "INSERT INTO list_prices (part_id, lowest, highest) SELECT id, 1000, 1000 FROM parts WHERE manufacturer = %s"
)
_OFFERS = "INSERT INTO price_entries (part_id, seller_id, price) SELECT id, %s, 700 FROM parts WHERE manufacturer = %s"


async def fill(execute: Callable[..., Awaitable[Any]], seller: int, count: int, manufacturer: str) -> None:
    """Give the shop `count` new parts of the manufacturer for 700 each, whose list price is 1,000.

    `execute(sql, *args)` runs a statement and commits it.
    """
    await execute(_PARTS, manufacturer, str(list(range(count))))
    await execute(_LIST_PRICES, manufacturer)
    await execute(_OFFERS, seller, manufacturer)
