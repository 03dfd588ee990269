"""Compares the columns of statements with the fields of the structs they are read into.

Rows are read by position: two neighbouring columns of one type that are swapped would raise no error.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from jiucom.db import rows, session

_NAME = re.compile(r"\w+")

# Fields, and the columns that may stand for them under another name. Of an expression, a part that tells it from others.
_EXPRESSIONS: dict[str, str] = {
    "actor_nickname": "users.nickname",
    "author_nickname": "users.nickname",
    "average_rating": "AVG(rating)",
    "content": "LEFT(posts.content",
    "favorite_count": "FROM favorites",
    "line_total": "quantity * build_parts.unit_price",
    "owner_nickname": "users.nickname",
    "part_count": "FROM build_parts",
    "rank": "ROW_NUMBER()",
    "review_count": "FROM reviews",
    "today_signups": "FROM users WHERE created_at",
    "total_builds": "FROM builds",
    "total_parts": "FROM parts",
    "total_posts": "FROM posts",
    "total_users": "FROM users WHERE is_deleted",
    "used": "used_at IS NOT NULL",
    "used_just_now": "INTERVAL ? SECOND",
    "user_nickname": "users.nickname",
    "verified": "email_verified_at IS NOT NULL",
}
_NAMES: dict[str, set[str]] = {
    "active": {"is_active"},
    "after": {"after_state"},
    "alert_id": {"id"},
    "applied_at": {"updated_at"},
    "author_id": {"user_id"},
    "author_nickname": {"nickname"},
    "available": {"is_available"},
    "before": {"before_state"},
    "current_lowest_price": {"lowest_price"},
    "date": {"record_date"},
    "deleted": {"is_deleted"},
    "highest": {"highest_price"},
    "lowest": {"lowest_price"},
    "owner_id": {"user_id"},
    "part_id": {"id"},
    "part_name": {"name"},
    "post_author_id": {"user_id"},
    "post_title": {"title"},
    "read": {"is_read"},
    "score": {"popularity_score"},
    "seller_id": {"id"},
    "seller_name": {"name"},
    "seller_url": {"site_url"},
    "target": {"target_price"},
    "triggered": {"is_triggered"},
    "url": {"site_url"},
    "user_email": {"email"},
    "user_id": {"id"},
    "user_nickname": {"nickname"},
}


def misplaced(columns: Sequence[str], into: Any) -> list[str]:
    """One line for each column whose name differs from its field's and is not listed above as another name of it."""
    fields = into.__struct_fields__
    if len(columns) != len(fields):
        return [f"{into.__name__}: {len(columns)} columns for {len(fields)} fields"]
    return [
        f"{into.__name__}.{field}: {column}"
        for column, field in zip(columns, fields, strict=True)
        if not _stands_for(column, field)
    ]


def _stands_for(column: str, field: str) -> bool:
    if _NAME.fullmatch(column):
        return column == field or column in _NAMES.get(field, ())
    return field in _EXPRESSIONS and _EXPRESSIONS[field] in column


@contextmanager
def compared() -> Iterator[list[str]]:
    """Checks every statement that is read into structs inside the block; the list of what was wrong."""
    wrong: list[str] = []
    structs = rows.structs

    def looking(columns: Sequence[Any], found: Sequence[tuple[Any, ...]], into: Any, clock: Any) -> list[Any]:
        wrong.extend(misplaced([column[0] for column in columns], into))
        return structs(columns, found, into, clock)

    vars(session)["structs"] = looking
    try:
        yield wrong
    finally:
        vars(session)["structs"] = structs
