"""Cache scopes whose version must be raised, written in the transaction that changes the data.

The writer raises the version after its commit and deletes the row; rows that outlive their writer are raised by
whoever finds them, so a process that dies in between leaves no stale cache.
"""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS cache_outbox (
    id BIGINT NOT NULL AUTO_INCREMENT,
    scope VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
