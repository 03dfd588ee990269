"""A price range of the most popular parts is read off one index, without a look at each part on the way.

The id stands before the price: the lists' order is popularity and id (revision 0005).
"""

from alembic import op
from sqlalchemy import inspect

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

INDEXES = {
    "idx_parts_popularity": ("is_deleted", "popularity_score", "id", "lowest_price"),
    "idx_parts_category_popularity": ("is_deleted", "category", "popularity_score", "id", "lowest_price"),
}


def upgrade() -> None:
    connection = op.get_bind()
    known = {index["name"]: tuple(index["column_names"]) for index in inspect(connection).get_indexes("parts")}
    for name, columns in INDEXES.items():
        # A start that died may have got this far. In one statement, or lists would be without it for a while.
        if known[name] != columns:
            # In place: a rebuilt table would need the full-text index's setting again.
            connection.exec_driver_sql(
                f"ALTER TABLE parts DROP KEY {name}, ADD KEY {name} ({', '.join(columns)}), ALGORITHM = INPLACE"
            )
