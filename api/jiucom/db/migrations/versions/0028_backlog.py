"""Work that a request leaves behind because it grows with the data of others: worked off in batches.

A batch is one transaction, which moves `position` on, or deletes the row at the end. `next_at` is the turn of a row: those
that were not worked on for the longest time come first.
"""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS backlog (
    id BIGINT NOT NULL AUTO_INCREMENT,
    kind VARCHAR(30) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    subject_id BIGINT NOT NULL,
    amount INT NULL,
    position JSON NULL,
    next_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    KEY idx_backlog_next (next_at),
    KEY idx_backlog_subject (kind, subject_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
