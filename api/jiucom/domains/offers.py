"""Which shops and offers count. Closed and withdrawn shops keep their offers, which no longer do."""

# For queries on `sellers`.
OPEN_SHOP = "sellers.status = 'ACTIVE' AND sellers.is_deleted = FALSE"

# FROM and WHERE of the offers that are in stock in open shops. Queries may add conditions with AND.
IN_STOCK = f"""price_entries JOIN sellers ON sellers.id = price_entries.seller_id
    WHERE price_entries.is_available AND NOT price_entries.is_deleted AND {OPEN_SHOP}"""
