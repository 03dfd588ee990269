"""Mails of price alerts come in thousands: `bulk` marks them, so that other mails are sent first."""

from alembic import op
from sqlalchemy import inspect

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    # A start that died may have got this far.
    if "bulk" not in {column["name"] for column in inspect(connection).get_columns("mail_outbox")}:
        connection.exec_driver_sql(
            "ALTER TABLE mail_outbox ADD bulk BOOLEAN NOT NULL DEFAULT FALSE,"
            " DROP KEY idx_mail_outbox_due, ADD KEY idx_mail_outbox_due (sent_at, bulk, next_attempt_at)"
        )
