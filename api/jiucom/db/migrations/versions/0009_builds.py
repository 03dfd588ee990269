"""Lists of parts.

`total_price` is never NULL and wider than one price: quantities multiply. `share_token` is NULL while a build is not
shared.
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS builds (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NOT NULL,
    name VARCHAR(100) NOT NULL,
    description VARCHAR(500) NULL,
    total_price BIGINT NOT NULL DEFAULT 0,
    is_public BOOLEAN NOT NULL DEFAULT FALSE,
    is_template BOOLEAN NOT NULL DEFAULT FALSE,
    share_token VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL,
    view_count INT NOT NULL DEFAULT 0,
    like_count INT NOT NULL DEFAULT 0,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_builds_share_token (share_token),
    KEY idx_builds_user (user_id, is_deleted, created_at),
    KEY idx_builds_public_created (is_deleted, is_public, created_at),
    KEY idx_builds_public_popular (is_deleted, is_public, like_count, view_count),
    KEY idx_builds_public_price (is_deleted, is_public, total_price),
    KEY idx_builds_template (is_deleted, is_template, created_at),
    KEY idx_builds_created (created_at),
    FULLTEXT KEY ft_builds_search (name, description) WITH PARSER ngram,
    CONSTRAINT fk_builds_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT ck_builds_counts CHECK (total_price >= 0 AND view_count >= 0 AND like_count >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql("SET SESSION innodb_ft_enable_stopword = OFF")
    op.get_bind().exec_driver_sql(TABLE)
