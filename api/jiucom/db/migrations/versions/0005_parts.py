"""The catalogue.

`search_text` is what search looks at: it is stored, because a full-text index needs that, and generated, so no
writer can forget it. Its index holds pairs of characters; with the default stopwords, pairs with an `a` or an `i`
would be missing. That choice is a session variable at creation and stays with the index, until a revision rebuilds
the table.

Lists sort with the id as tie-breaker in the direction of the sort, so plain indexes serve both directions.
`ascending_price` puts parts without a price behind the dear ones; descending, `lowest_price` does that by itself.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS parts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    name VARCHAR(200) NOT NULL,
    category VARCHAR(20) NOT NULL,
    manufacturer VARCHAR(100) NOT NULL,
    model_number VARCHAR(100) NULL,
    image_url VARCHAR(500) NULL,
    specs JSON NULL,
    lowest_price INT NULL,
    highest_price INT NULL,
    popularity_score INT NOT NULL DEFAULT 0,
    ascending_price INT GENERATED ALWAYS AS (COALESCE(lowest_price, 2147483647)) VIRTUAL,
    search_text VARCHAR(425)
        GENERATED ALWAYS AS (CONCAT_WS(' ', name, manufacturer, model_number, category)) STORED NOT NULL,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    KEY idx_parts_popularity (is_deleted, popularity_score),
    KEY idx_parts_category_popularity (is_deleted, category, popularity_score),
    KEY idx_parts_lowest (is_deleted, lowest_price),
    KEY idx_parts_category_lowest (is_deleted, category, lowest_price),
    KEY idx_parts_ascending (is_deleted, ascending_price),
    KEY idx_parts_category_ascending (is_deleted, category, ascending_price),
    KEY idx_parts_name (is_deleted, name),
    KEY idx_parts_category_name (is_deleted, category, name),
    KEY idx_parts_created (is_deleted, created_at),
    KEY idx_parts_category_created (is_deleted, category, created_at),
    KEY idx_parts_manufacturer (manufacturer),
    KEY idx_parts_model (model_number),
    FULLTEXT KEY ft_parts_search (search_text) WITH PARSER ngram,
    CONSTRAINT ck_parts_prices CHECK (lowest_price >= 0 AND highest_price >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql("SET SESSION innodb_ft_enable_stopword = OFF")
    op.get_bind().exec_driver_sql(TABLE)
