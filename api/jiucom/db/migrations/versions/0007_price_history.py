"""What a seller asked on a day (of the platform's time zone): a later price of the day replaces the earlier one."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS price_history (
    id BIGINT NOT NULL AUTO_INCREMENT,
    part_id BIGINT NOT NULL,
    seller_id BIGINT NOT NULL,
    price INT NOT NULL,
    record_date DATE NOT NULL,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_price_history_day (part_id, seller_id, record_date),
    KEY idx_price_history_part_date (part_id, record_date, price),
    KEY idx_price_history_date (record_date, part_id, price),
    KEY idx_price_history_seller (seller_id),
    CONSTRAINT fk_price_history_part FOREIGN KEY (part_id) REFERENCES parts (id),
    CONSTRAINT fk_price_history_seller FOREIGN KEY (seller_id) REFERENCES sellers (id),
    CONSTRAINT ck_price_history_price CHECK (price >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
