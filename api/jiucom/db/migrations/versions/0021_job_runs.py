"""Runs of the jobs: `status` is RUNNING, SUCCEEDED or FAILED."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS job_runs (
    id BIGINT NOT NULL AUTO_INCREMENT,
    job VARCHAR(50) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    replica VARCHAR(100) NOT NULL,
    status VARCHAR(10) NOT NULL,
    started_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    finished_at DATETIME(6) NULL,
    detail JSON NULL,
    error VARCHAR(500) NULL,
    PRIMARY KEY (id),
    KEY idx_job_runs_job (job, status, finished_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
