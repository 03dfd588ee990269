"""Accounts.

A withdrawn account keeps its row for what it wrote: the generated `living_*` columns are NULL then, so that the
unique keys free its address and its nickname. Look accounts up by `living_email`, which is what the index holds.
Addresses compare with accents: `jose@` and `josé@` are two mailboxes.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS users (
    id BIGINT NOT NULL AUTO_INCREMENT,
    email VARCHAR(100) COLLATE utf8mb4_0900_as_ci NOT NULL,
    password VARCHAR(255) NULL,
    nickname VARCHAR(30) NOT NULL,
    profile_image_url VARCHAR(500) NULL,
    role VARCHAR(10) NOT NULL DEFAULT 'USER',
    social_type VARCHAR(10) NOT NULL DEFAULT 'LOCAL',
    social_id VARCHAR(100) NULL,
    status VARCHAR(15) NOT NULL DEFAULT 'ACTIVE',
    email_verified_at DATETIME(6) NULL,
    living_email VARCHAR(100) COLLATE utf8mb4_0900_as_ci GENERATED ALWAYS AS (IF(is_deleted, NULL, email)) VIRTUAL,
    living_nickname VARCHAR(30) GENERATED ALWAYS AS (IF(is_deleted, NULL, nickname)) VIRTUAL,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_users_email (living_email),
    UNIQUE KEY uk_users_nickname (living_nickname),
    UNIQUE KEY uk_users_social (social_type, social_id),
    KEY idx_users_created (created_at),
    KEY idx_users_role_status (role, status, created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
