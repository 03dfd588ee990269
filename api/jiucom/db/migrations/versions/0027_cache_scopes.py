"""A write is one row of the cache's outbox, however many scopes it makes invalid: their names, by blanks."""

from alembic import op
from sqlalchemy import inspect
from sqlalchemy.dialects.mysql import TEXT

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    connection = op.get_bind()
    (scope,) = (c for c in inspect(connection).get_columns("cache_outbox") if c["name"] == "scope")
    # A start that died may have got this far.
    if not isinstance(scope["type"], TEXT):
        connection.exec_driver_sql(
            "ALTER TABLE cache_outbox MODIFY scope TEXT CHARACTER SET ascii COLLATE ascii_bin NOT NULL"
        )
