"""The lines of a build: a part once, with a quantity and the price when it was put in."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS build_parts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    build_id BIGINT NOT NULL,
    part_id BIGINT NOT NULL,
    quantity INT NOT NULL DEFAULT 1,
    unit_price INT NULL,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    UNIQUE KEY uk_build_parts_build_part (build_id, part_id),
    KEY idx_build_parts_part (part_id),
    CONSTRAINT fk_build_parts_build FOREIGN KEY (build_id) REFERENCES builds (id),
    CONSTRAINT fk_build_parts_part FOREIGN KEY (part_id) REFERENCES parts (id),
    CONSTRAINT ck_build_parts_quantity CHECK (quantity >= 1)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TABLE)
