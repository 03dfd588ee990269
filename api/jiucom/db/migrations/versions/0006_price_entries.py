"""What a seller asks for a part now: one row per part and seller."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS price_entries (
    id BIGINT NOT NULL AUTO_INCREMENT,
    part_id BIGINT NOT NULL,
    seller_id BIGINT NOT NULL,
    price INT NOT NULL,
    product_url VARCHAR(500) NULL,
    is_available BOOLEAN NOT NULL DEFAULT TRUE,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_price_entries_part_seller (part_id, seller_id),
    KEY idx_price_entries_part_price (part_id, is_available, price),
    KEY idx_price_entries_seller (seller_id),
    CONSTRAINT fk_price_entries_part FOREIGN KEY (part_id) REFERENCES parts (id),
    CONSTRAINT fk_price_entries_seller FOREIGN KEY (seller_id) REFERENCES sellers (id),
    CONSTRAINT ck_price_entries_price CHECK (price >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
