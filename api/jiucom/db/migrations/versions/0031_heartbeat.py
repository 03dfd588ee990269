"""A row that the API renews each second where there are read replicas: its age there is how far a replica is behind."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
contract = False

TABLE = """
CREATE TABLE IF NOT EXISTS heartbeat (
    id TINYINT UNSIGNED NOT NULL,
    beat_at DATETIME(6) NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    connection = op.get_bind()
    connection.exec_driver_sql(TABLE)
    connection.exec_driver_sql("INSERT IGNORE INTO heartbeat (id, beat_at) VALUES (1, UTC_TIMESTAMP(6))")
