"""One active alert per user and part. Of those that were several, the one with the highest target stays: it fires first."""

from alembic import op
from sqlalchemy import inspect

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

DUPLICATES = """
UPDATE price_alerts JOIN (
    SELECT id, ROW_NUMBER() OVER (PARTITION BY user_id, part_id ORDER BY target_price DESC, id DESC) AS nth
    FROM price_alerts WHERE is_active
) AS numbered USING (id)
SET is_active = FALSE, updated_at = UTC_TIMESTAMP(6) WHERE nth > 1
"""

KEY = "uk_price_alerts_active"

UNIQUE = f"""
ALTER TABLE price_alerts ADD active_part_id BIGINT AS (IF(is_active AND NOT is_deleted, part_id, NULL)) VIRTUAL,
    ADD UNIQUE KEY {KEY} (user_id, active_part_id)
"""


def upgrade() -> None:
    connection = op.get_bind()
    # A start that died may have got this far.
    if KEY not in {index["name"] for index in inspect(connection).get_indexes("price_alerts")}:
        connection.exec_driver_sql(DUPLICATES)
        connection.exec_driver_sql(UNIQUE)
