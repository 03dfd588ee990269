"""Statements that read prices, and those about alerts."""

from datetime import date

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.offers import IN_STOCK
from jiucom.domains.parts.schemas import PartCategory
from jiucom.domains.prices.schemas import MAX_ALERTS, MAX_DEALS, Alert, Deal, PricePoint, SellerPrice
from jiucom.web import PageQuery

_PART_NAME = "SELECT name FROM parts WHERE id = %s AND is_deleted = FALSE"

_COMPARISON = f"""
SELECT sellers.id, sellers.name, sellers.site_url, price_entries.price, price_entries.product_url,
    price_entries.is_available
FROM {IN_STOCK} AND price_entries.part_id = %s
ORDER BY price_entries.price, price_entries.id
"""  # noqa: S608

_HISTORY = """
SELECT record_date, MIN(price) AS lowest_price, MAX(price) AS highest_price, SUM(price) DIV COUNT(*) AS average_price,
    MIN(price) AS min_price, MAX(price) AS max_price, SUM(price) DIV COUNT(*) AS avg_price
FROM price_history WHERE part_id = %s AND record_date BETWEEN %s AND %s
GROUP BY record_date ORDER BY record_date
"""

# The hints make MySQL read averages from the index, part by part, instead of using a temporary table or reading all offers
# first (1,000,000 rows: 2 s instead of 8 s). Offers in stock are checked for the best parts only.
_DEALS = f"""
SELECT parts.id, parts.name, parts.category, parts.manufacturer, parts.image_url, parts.lowest_price,
    best.average AS average_price, best.average - parts.lowest_price AS discount_amount,
    CAST(ROUND((best.average - parts.lowest_price) * 100 / best.average, 1) AS DOUBLE) AS discount_rate
FROM (
    SELECT recent.part_id, recent.average
    FROM (
        SELECT part_id, SUM(price) DIV COUNT(*) AS average
        FROM price_history FORCE INDEX (idx_price_history_part_date) WHERE record_date >= %s GROUP BY part_id
    ) AS recent STRAIGHT_JOIN parts ON parts.id = recent.part_id
    WHERE parts.is_deleted = FALSE AND parts.lowest_price < recent.average
        AND parts.category = COALESCE(%s, parts.category)
    ORDER BY (recent.average - parts.lowest_price) / recent.average DESC, parts.id LIMIT %s
) AS best STRAIGHT_JOIN parts ON parts.id = best.part_id
WHERE EXISTS (
    SELECT /*+ NO_SEMIJOIN() */ 1 FROM {IN_STOCK} AND price_entries.part_id = parts.id
)
ORDER BY (best.average - parts.lowest_price) / best.average DESC, parts.id LIMIT %s
"""  # noqa: S608
# Candidates that are checked first. If too many of them are sold out, all are checked.
_BEST = 1_000
_ALL = 2**63 - 1

_ALERT = """
SELECT price_alerts.id, part_id, parts.name, target_price, parts.lowest_price, is_active, is_triggered,
    price_alerts.created_at
FROM price_alerts JOIN parts ON parts.id = part_id
"""

_OWN = "WHERE user_id = %s AND price_alerts.is_deleted = FALSE AND parts.is_deleted = FALSE"

# LAST_INSERT_ID returns the id of the alert.
_CHANGE_ALERT = """
UPDATE price_alerts SET id = LAST_INSERT_ID(id), target_price = %s, updated_at = UTC_TIMESTAMP(6)
WHERE user_id = %s AND active_part_id = %s
"""


async def part_name(session: ReadSession, part_id: int) -> str | None:
    """The name of a part that is not deleted."""
    name = await session.fetch_value(_PART_NAME, (part_id,))
    return None if name is None else str(name)


async def comparison(session: ReadSession, part_id: int) -> list[SellerPrice]:
    """Offers of active sellers in stock, cheapest first."""
    return await session.fetch_all(_COMPARISON, (part_id,), SellerPrice)


async def history(session: ReadSession, part_id: int, first: date, last: date) -> list[PricePoint]:
    """A point per day with prices, oldest first."""
    return await session.fetch_all(_HISTORY, (part_id, first, last), PricePoint)


async def deals(session: ReadSession, since: date, category: PartCategory | None) -> list[Deal]:
    """Parts in stock that cost less than their average since then, the largest discount first."""
    found = await session.fetch_all(_DEALS, (since, category, _BEST, MAX_DEALS), Deal)
    if len(found) < MAX_DEALS:
        found = await session.fetch_all(_DEALS, (since, category, _ALL, MAX_DEALS), Deal)
    return found


async def count_alerts(session: WriteSession, user_id: int) -> int:
    """How many active alerts the user has. Locks the user, so that no other one is added meanwhile."""
    await session.fetch_rows("SELECT id FROM users WHERE id = %s FOR UPDATE", (user_id,))
    sql = "SELECT COUNT(*) FROM price_alerts WHERE user_id = %s AND is_active = TRUE"
    return int(await session.fetch_value(sql, (user_id,)))


async def change_alert(session: WriteSession, user_id: int, part_id: int, target_price: int) -> int:
    """Change the target of the user's active alert for the part; its id, 0 when there is none."""
    return await session.insert(_CHANGE_ALERT, (target_price, user_id, part_id))


async def add_alert(session: WriteSession, user_id: int, part_id: int, target_price: int) -> int:
    """A new alert; its id. Raises DuplicateKeyError when the user has an active one of the part."""
    sql = "INSERT INTO price_alerts (user_id, part_id, target_price) VALUES (%s, %s, %s)"
    return await session.insert(sql, (user_id, part_id, target_price))


async def alert(session: ReadSession, alert_id: int) -> Alert | None:
    """An alert in any state."""
    return await session.fetch_one(f"{_ALERT} WHERE price_alerts.id = %s", (alert_id,), Alert)


async def alerts(session: ReadSession, user_id: int) -> list[Alert]:
    """The user's active alerts, newest first."""
    sql = (
        f"{_ALERT} WHERE user_id = %s AND is_active AND parts.is_deleted = FALSE"
        " ORDER BY price_alerts.created_at DESC, price_alerts.id DESC LIMIT %s"
    )
    return await session.fetch_all(sql, (user_id, MAX_ALERTS), Alert)


async def all_alerts(session: ReadSession, user_id: int, query: PageQuery) -> list[Alert]:
    """One page of the user's alerts, inactive ones too, newest first."""
    sql = f"{_ALERT} {_OWN} ORDER BY price_alerts.created_at DESC, price_alerts.id DESC LIMIT %s OFFSET %s"
    return await session.fetch_all(sql, (user_id, query.size, query.offset), Alert)


async def count_all_alerts(session: ReadSession, user_id: int) -> int:
    """How many alerts the user has, with inactive ones."""
    sql = f"SELECT COUNT(*) FROM price_alerts JOIN parts ON parts.id = part_id {_OWN}"  # noqa: S608
    return int(await session.fetch_value(sql, (user_id,)))


async def alert_owner(session: ReadSession, alert_id: int) -> int | None:
    """The user of an alert."""
    owner = await session.fetch_value("SELECT user_id FROM price_alerts WHERE id = %s", (alert_id,))
    return None if owner is None else int(owner)


async def end_alert(session: WriteSession, alert_id: int, user_id: int) -> bool:
    """Make the user's alert inactive; False when there is no such alert of the user."""
    sql = "UPDATE price_alerts SET is_active = FALSE, updated_at = UTC_TIMESTAMP(6) WHERE id = %s AND user_id = %s"
    return await session.execute(sql, (alert_id, user_id)) == 1
