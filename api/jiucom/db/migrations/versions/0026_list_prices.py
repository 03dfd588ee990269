"""What administrators set for a part: shown while nobody has the part in stock.

A table of its own: another column of `parts` would rebuild that one with its full-text index. Parts that are in stock
now have none until somebody sets one, since what was set is no longer known.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS list_prices (
    part_id BIGINT NOT NULL,
    lowest INT NULL,
    highest INT NULL,
    PRIMARY KEY (part_id),
    CONSTRAINT fk_list_prices_part FOREIGN KEY (part_id) REFERENCES parts (id),
    CONSTRAINT ck_list_prices CHECK (lowest >= 0 AND highest >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""

KNOWN = """
INSERT IGNORE INTO list_prices (part_id, lowest, highest)
SELECT id, lowest_price, highest_price FROM parts
WHERE (lowest_price IS NOT NULL OR highest_price IS NOT NULL) AND NOT EXISTS (
    SELECT 1 FROM price_entries JOIN sellers ON sellers.id = seller_id
    WHERE part_id = parts.id AND is_available AND NOT price_entries.is_deleted AND sellers.status = 'ACTIVE'
)
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
    op.get_bind().exec_driver_sql(KNOWN)
