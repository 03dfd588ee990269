"""Uploaded files: `is_attached` once something shows them; the others are removed after a day."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS images (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NOT NULL,
    directory VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    file_name VARCHAR(80) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    content_type VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    size_bytes INT NOT NULL,
    width INT NOT NULL,
    height INT NOT NULL,
    sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    is_attached BOOLEAN NOT NULL DEFAULT FALSE,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_images_file (directory, file_name),
    KEY idx_images_user (user_id, size_bytes),
    KEY idx_images_orphans (is_attached, created_at),
    CONSTRAINT fk_images_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
