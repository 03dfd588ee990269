"""Work that is too large for a request, done in batches afterwards.

A batch is one transaction, which moves `position` on, or deletes the row at the end. Rows are worked on in the order of
`next_at`, the time of their last batch.
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
