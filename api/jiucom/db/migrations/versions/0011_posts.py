"""The boards. One full-text index serves searches of the title alone too: its candidates are checked again."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

TABLE = """
CREATE TABLE IF NOT EXISTS posts (
    id BIGINT NOT NULL AUTO_INCREMENT,
    user_id BIGINT NOT NULL,
    board_type VARCHAR(10) NOT NULL,
    title VARCHAR(200) NOT NULL,
    content TEXT NOT NULL,
    view_count INT NOT NULL DEFAULT 0,
    like_count INT NOT NULL DEFAULT 0,
    comment_count INT NOT NULL DEFAULT 0,
    is_deleted BOOLEAN NOT NULL DEFAULT FALSE,
    deleted_at DATETIME(6) NULL,
    created_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
    PRIMARY KEY (id),
    KEY idx_posts_created (is_deleted, created_at),
    KEY idx_posts_board_created (is_deleted, board_type, created_at),
    KEY idx_posts_user (user_id, is_deleted, created_at),
    KEY idx_posts_title (is_deleted, title),
    FULLTEXT KEY ft_posts_search (title, content) WITH PARSER ngram,
    CONSTRAINT fk_posts_user FOREIGN KEY (user_id) REFERENCES users (id),
    CONSTRAINT ck_posts_counts CHECK (view_count >= 0 AND like_count >= 0 AND comment_count >= 0)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_0900_ai_ci
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql("SET SESSION innodb_ft_enable_stopword = OFF")
    op.get_bind().exec_driver_sql(TABLE)
