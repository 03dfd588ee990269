"""Every process asks for a user's ended logins once a minute: not by reading each token the user ever had."""

from alembic import op
from sqlalchemy import inspect

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

INDEX = "idx_refresh_tokens_ended"


def upgrade() -> None:
    connection = op.get_bind()
    # MySQL has no IF NOT EXISTS here, and a start that died may have got this far.
    if INDEX not in {index["name"] for index in inspect(connection).get_indexes("refresh_tokens")}:
        connection.exec_driver_sql(f"ALTER TABLE refresh_tokens ADD KEY {INDEX} (user_id, revoked_at, family_id)")
