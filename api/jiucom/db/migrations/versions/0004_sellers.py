"""Shops, and the users who run them.

Status: PENDING, ACTIVE, INACTIVE, SUSPENDED, REJECTED. A user has one shop; a rejected one is registered again in
its row.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS sellers (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NULL,
    name VARCHAR(100) NOT NULL,
    site_url VARCHAR(500) NOT NULL,
    logo_url VARCHAR(500) NULL,
    status VARCHAR(15) NOT NULL DEFAULT 'ACTIVE',
    reliability_score DOUBLE NOT NULL DEFAULT 0,
    rejection_reason VARCHAR(255) NULL,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_sellers_name (name),
    UNIQUE KEY uk_sellers_user (user_id),
    KEY idx_sellers_status (status),
    CONSTRAINT fk_sellers_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
