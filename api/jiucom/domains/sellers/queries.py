"""Statements about shops. Statements for owners contain the owner's id."""

from datetime import date

from msgspec import Struct

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.offers import OPEN_SHOP
from jiucom.domains.sellers.schemas import (
    MAX_SELLERS,
    Product,
    RegisterRequest,
    Seller,
    SellerDetail,
    SellerStatus,
    Stats,
)

SELLER = """
sellers.id, sellers.name, sellers.site_url, sellers.site_url, sellers.logo_url, sellers.status,
    sellers.reliability_score
"""

_DETAIL = f"""
SELECT {SELLER}, (
    SELECT COUNT(*) FROM price_entries JOIN parts ON parts.id = part_id
    WHERE seller_id = sellers.id AND is_available AND NOT price_entries.is_deleted AND NOT parts.is_deleted
) AS product_count, sellers.created_at
FROM sellers WHERE sellers.id = %s AND sellers.is_deleted = FALSE
"""  # noqa: S608

_REGISTER = "INSERT INTO sellers (user_id, name, site_url, logo_url, status) VALUES (%s, %s, %s, %s, 'PENDING')"

_REGISTER_AGAIN = """
UPDATE sellers SET name = %s, site_url = %s, logo_url = %s, status = 'PENDING', rejection_reason = NULL,
    updated_at = UTC_TIMESTAMP(6)
WHERE user_id = %s AND status = 'REJECTED'
"""

_MINE = f"SELECT id FROM sellers WHERE user_id = %s AND {OPEN_SHOP}"  # noqa: S608

_PRODUCTS = """
FROM price_entries JOIN parts ON parts.id = price_entries.part_id
WHERE price_entries.seller_id = %s AND price_entries.is_deleted = FALSE AND parts.is_deleted = FALSE
"""
_PRODUCT = f"""
SELECT price_entries.id, parts.id, parts.name, parts.category, price_entries.price, price_entries.product_url,
    price_entries.is_available, parts.lowest_price,
    price_entries.is_available AND price_entries.price <= parts.lowest_price AS cheapest,
    price_entries.created_at, price_entries.updated_at
{_PRODUCTS}
"""

_STATS = """
SELECT sellers.id, sellers.name, sellers.status, sellers.reliability_score, COUNT(parts.id) AS product_count,
    CAST(COALESCE(SUM(is_available), 0) AS SIGNED) AS available_count,
    CAST(COALESCE(SUM(is_available AND price <= lowest_price), 0) AS SIGNED) AS cheapest_count,
    SUM(IF(is_available, price, NULL)) DIV COUNT(IF(is_available, price, NULL)) AS average_price,
    (SELECT COUNT(DISTINCT record_date) FROM price_history WHERE seller_id = sellers.id AND record_date >= %s)
        AS price_days,
    (SELECT COUNT(DISTINCT part_id) FROM price_history WHERE seller_id = sellers.id AND record_date >= %s)
        AS changed_parts
FROM sellers
    LEFT JOIN (price_entries JOIN parts ON parts.id = part_id AND NOT parts.is_deleted)
        ON seller_id = sellers.id AND NOT price_entries.is_deleted
WHERE sellers.id = %s
GROUP BY sellers.id
"""


# Shops that were ever approved: not pending or rejected ones.
_APPROVED = """
SELECT id, status FROM sellers
WHERE user_id = %s AND status IN ('ACTIVE', 'INACTIVE', 'SUSPENDED') AND is_deleted = FALSE FOR UPDATE
"""

_CLOSE = """
UPDATE sellers
SET name = CONCAT('탈퇴한 판매처 ', id), site_url = '', logo_url = NULL, rejection_reason = NULL, status = 'INACTIVE',
    is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6), updated_at = UTC_TIMESTAMP(6)
WHERE id = %s
"""

# The index has the ids in ascending order; otherwise MySQL may read the offers of all shops.
_IN_STOCK = """
SELECT id, part_id FROM price_entries FORCE INDEX (idx_price_entries_seller)
WHERE seller_id = %s AND id > %s AND is_available AND is_deleted = FALSE ORDER BY id LIMIT %s
"""


class Approved(Struct, frozen=True):
    """A shop that was approved."""

    id: int
    status: SellerStatus


async def active(session: ReadSession) -> list[Seller]:
    """Open shops, the most reliable first."""
    sql = f"SELECT {SELLER} FROM sellers WHERE {OPEN_SHOP} ORDER BY reliability_score DESC, id LIMIT %s"  # noqa: S608
    return await session.fetch_all(sql, (MAX_SELLERS,), Seller)


async def detail(session: ReadSession, seller_id: int) -> SellerDetail | None:
    """An open shop."""
    return await session.fetch_one(f"{_DETAIL} AND {OPEN_SHOP}", (seller_id,), SellerDetail)


async def any_detail(session: ReadSession, seller_id: int) -> SellerDetail | None:
    """A shop in any state."""
    return await session.fetch_one(_DETAIL, (seller_id,), SellerDetail)


async def register(tx: WriteSession, user_id: int, request: RegisterRequest) -> int:
    """A new application; its id. Raises DuplicateKeyError when the user has a shop, or the name is taken."""
    return await tx.insert(_REGISTER, (user_id, request.name, request.site_url, request.logo_url))


async def register_again(tx: WriteSession, user_id: int, request: RegisterRequest) -> bool:
    """An application in place of the user's rejected one; False when there is none. Raises DuplicateKeyError."""
    return await tx.execute(_REGISTER_AGAIN, (request.name, request.site_url, request.logo_url, user_id)) == 1


async def of_user(session: ReadSession, user_id: int) -> int | None:
    """The id of the user's shop, in any state."""
    found = await session.fetch_value("SELECT id FROM sellers WHERE user_id = %s", (user_id,))
    return None if found is None else int(found)


async def mine(session: ReadSession, user_id: int) -> int | None:
    """The id of the user's open shop."""
    found = await session.fetch_value(_MINE, (user_id,))
    return None if found is None else int(found)


async def lock_approved(tx: WriteSession, user_id: int) -> Approved | None:
    """The user's shop, if it was ever approved, locked."""
    return await tx.fetch_one(_APPROVED, (user_id,), Approved)


async def set_status(tx: WriteSession, seller_id: int, status: SellerStatus) -> None:
    """Open or close a shop."""
    await tx.execute("UPDATE sellers SET status = %s, updated_at = UTC_TIMESTAMP(6) WHERE id = %s", (status, seller_id))


async def close(tx: WriteSession, seller_id: int) -> None:
    """Close a shop for good and blank its data."""
    await tx.execute(_CLOSE, (seller_id,))


async def in_stock(session: ReadSession, seller_id: int, after: int, limit: int) -> list[tuple[int, int]]:
    """The shop's next offers in stock: id and part, in ascending order of the ids."""
    return [(row[0], row[1]) for row in await session.fetch_rows(_IN_STOCK, (seller_id, after, limit))]


async def products(session: ReadSession, seller_id: int, limit: int, offset: int) -> list[Product]:
    """The offers of the shop, the latest change first."""
    order = "ORDER BY price_entries.updated_at DESC, price_entries.id DESC LIMIT %s OFFSET %s"
    return await session.fetch_all(f"{_PRODUCT} {order}", (seller_id, limit, offset), Product)


async def count_products(session: ReadSession, seller_id: int) -> int:
    """How many parts the shop offers."""
    return int(await session.fetch_value(f"SELECT COUNT(*) {_PRODUCTS}", (seller_id,)))


async def product(session: ReadSession, seller_id: int, part_id: int) -> Product | None:
    """The shop's offer for a part."""
    return await session.fetch_one(f"{_PRODUCT} AND parts.id = %s", (seller_id, part_id), Product)


async def stats(session: ReadSession, seller_id: int, since: date) -> Stats | None:
    """Statistics of the shop."""
    return await session.fetch_one(_STATS, (since, since, seller_id), Stats)
