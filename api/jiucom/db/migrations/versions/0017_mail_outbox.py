"""Mails to send, written in the transaction that causes them: each goes out at least once.

A sender claims due rows with `SKIP LOCKED` and moves `next_attempt_at` ahead before it sends. `variables` must hold
no secret: the mail of a reset names the user, and its token is made when it is sent.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS mail_outbox (
    id BIGINT NOT NULL AUTO_INCREMENT,
    recipient VARCHAR(100) NOT NULL,
    template VARCHAR(50) NOT NULL,
    variables JSON NOT NULL,
    dedup_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL,
    attempts INT NOT NULL DEFAULT 0,
    next_attempt_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    last_error VARCHAR(500) NULL,
    sent_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_mail_outbox_dedup (dedup_key),
    KEY idx_mail_outbox_due (sent_at, next_attempt_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
