"""Mails compare their recipients as accounts do, with accents: whoever withdraws takes nobody else's mails along."""

from alembic import op
from sqlalchemy import inspect

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

KEY = "idx_mail_outbox_recipient"


def upgrade() -> None:
    connection = op.get_bind()
    # A start that died may have got this far.
    if KEY not in {index["name"] for index in inspect(connection).get_indexes("mail_outbox")}:
        connection.exec_driver_sql(
            "ALTER TABLE mail_outbox MODIFY recipient VARCHAR(100) COLLATE utf8mb4_0900_as_ci NOT NULL,"
            f" ADD KEY {KEY} (recipient)"
        )
