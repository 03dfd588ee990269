"""Wishes to hear of a price at or below a target.

`crossings` counts how often the alert fired; alert and count make the notification's key (`PRICE_ALERT:12:1`), which
is why a crossing that is handled twice is announced once.
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS price_alerts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NOT NULL,
    part_id BIGINT NOT NULL,
    target_price INT NOT NULL,
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    is_triggered BOOLEAN NOT NULL DEFAULT FALSE,
    crossings INT NOT NULL DEFAULT 0,
    triggered_at DATETIME(6) NULL,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    KEY idx_price_alerts_user (user_id, is_active),
    KEY idx_price_alerts_part (part_id, is_active, is_triggered, target_price),
    CONSTRAINT fk_price_alerts_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT fk_price_alerts_part FOREIGN KEY (part_id) REFERENCES parts (id),
    CONSTRAINT ck_price_alerts_target CHECK (target_price > 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
