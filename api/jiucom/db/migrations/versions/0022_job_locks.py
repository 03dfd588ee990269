"""Leases: the replica that moved `locked_until` ahead runs the job; a dead one's lease runs out."""

from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS job_locks (
    job VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    locked_by VARCHAR(100) NOT NULL,
    locked_until DATETIME(6) NOT NULL,
    PRIMARY KEY (job)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
