"""Statements about builds. `viewer` is the id of the user, 0 without one: private builds are visible to their owners only."""

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.authors import NICKNAME
from jiucom.domains.builds.schemas import BuildItem, BuildQuery, BuildUpdate, Row
from jiucom.web import PageQuery

_LINE_COUNT = "(SELECT COUNT(*) FROM build_parts WHERE build_parts.build_id = builds.id)"

_ITEM = f"""
    builds.id, builds.name, builds.description, builds.total_price, {_LINE_COUNT}, builds.is_public, builds.view_count,
    builds.like_count, {NICKNAME}, builds.created_at
"""

_ROW = f"""
    builds.id, builds.name, builds.description, builds.total_price, builds.is_public, builds.view_count,
    builds.like_count, {NICKNAME}, builds.user_id, builds.created_at, builds.updated_at
"""

_JOINED = "builds JOIN users ON users.id = builds.user_id"

# Exported: likes and searches use the same conditions.
PUBLIC = "builds.is_deleted = FALSE AND builds.is_public = TRUE"
_TEMPLATES = f"{PUBLIC} AND builds.is_template = TRUE"
_MINE = "builds.is_deleted = FALSE AND builds.user_id = %s"
VISIBLE = "builds.is_deleted = FALSE AND (builds.is_public = TRUE OR builds.user_id = %s)"
_SHARED = "builds.is_deleted = FALSE AND builds.share_token = %s"

_COUNT_PUBLIC = f"SELECT COUNT(*) FROM builds WHERE {PUBLIC}"  # noqa: S608
_COUNT_TEMPLATES = f"SELECT COUNT(*) FROM builds WHERE {_TEMPLATES}"  # noqa: S608
_COUNT_MINE = f"SELECT COUNT(*) FROM builds WHERE {_MINE}"  # noqa: S608

# Each ends with the id in the direction of its index: the order is total, and no sorting is needed.
_LATEST = "builds.created_at DESC, builds.id DESC"
_POPULAR = "builds.like_count DESC, builds.view_count DESC, builds.id DESC"
_ORDERS = {
    "latest": _LATEST,
    "popular": _POPULAR,
    "price_asc": "builds.total_price, builds.id",
    "price_desc": "builds.total_price DESC, builds.id DESC",
}

# The id that the statement reports is the new count.
_COUNT_VIEWS = "UPDATE builds SET view_count = LAST_INSERT_ID(view_count + %s) WHERE id = %s AND is_deleted = FALSE"

_INSERT = "INSERT INTO builds (user_id, name, description, is_public) VALUES (%s, %s, %s, %s)"

_UPDATE = """
UPDATE builds
SET name = COALESCE(%s, name), description = COALESCE(%s, description), is_public = COALESCE(%s, is_public),
    updated_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = %s AND is_deleted = FALSE
"""

_TOTAL = """
UPDATE builds
SET total_price = (
    SELECT COALESCE(SUM(quantity * unit_price), 0) FROM build_parts WHERE build_parts.build_id = builds.id
)
WHERE id = %s
"""

_DELETE = """
UPDATE builds SET is_deleted = TRUE, deleted_at = UTC_TIMESTAMP(6)
WHERE id = %s AND user_id = %s AND is_deleted = FALSE
"""

# An earlier token stays, so that links keep working.
_SHARE = """
UPDATE builds SET share_token = COALESCE(share_token, %s) WHERE id = %s AND user_id = %s AND is_deleted = FALSE
"""

_HELD = "SELECT share_token FROM builds WHERE id = %s AND user_id = %s AND is_deleted = FALSE"

_UNSHARE = "UPDATE builds SET share_token = NULL WHERE id = %s AND user_id = %s AND is_deleted = FALSE"


async def page(session: ReadSession, query: BuildQuery) -> list[BuildItem]:
    """One page of the public builds."""
    return await _page(session, PUBLIC, (), _ORDERS.get(query.sort or "", _LATEST), query)


async def popular(session: ReadSession, query: PageQuery) -> list[BuildItem]:
    """One page of the public builds, most liked first."""
    return await _page(session, PUBLIC, (), _POPULAR, query)


async def templates(session: ReadSession, query: PageQuery) -> list[BuildItem]:
    """One page of the templates, newest first."""
    return await _page(session, _TEMPLATES, (), _LATEST, query)


async def of_owner(session: ReadSession, owner_id: int, query: PageQuery) -> list[BuildItem]:
    """One page of a user's own builds, newest first."""
    return await _page(session, _MINE, (owner_id,), _LATEST, query)


async def count_public(session: ReadSession) -> int:
    """How many public builds there are."""
    return int(await session.fetch_value(_COUNT_PUBLIC))


async def count_templates(session: ReadSession) -> int:
    """How many templates there are."""
    return int(await session.fetch_value(_COUNT_TEMPLATES))


async def count_of_owner(session: ReadSession, owner_id: int) -> int:
    """How many builds a user has."""
    return int(await session.fetch_value(_COUNT_MINE, (owner_id,)))


async def by_id(session: ReadSession, build_id: int, viewer: int) -> Row | None:
    """A build that the viewer may see."""
    sql = f"SELECT {_ROW} FROM {_JOINED} WHERE builds.id = %s AND {VISIBLE}"  # noqa: S608
    return await session.fetch_one(sql, (build_id, viewer), Row)


async def by_token(session: ReadSession, token: str) -> Row | None:
    """The build with a share token."""
    return await session.fetch_one(f"SELECT {_ROW} FROM {_JOINED} WHERE {_SHARED}", (token,), Row)  # noqa: S608


async def count_views(session: WriteSession, build_id: int, more: int) -> int:
    """Add views; the new number, 0 when there is no such build."""
    return await session.insert(_COUNT_VIEWS, (more, build_id))


async def insert(session: WriteSession, owner_id: int, name: str, description: str | None, is_public: bool) -> int:
    """A new build, without parts; its id."""
    return await session.insert(_INSERT, (owner_id, name, description, is_public))


async def update(session: WriteSession, build_id: int, owner_id: int, changes: BuildUpdate) -> bool:
    """Change all but the parts of the owner's build, and lock it; False when there is none."""
    args = (changes.name, changes.description, changes.is_public, build_id, owner_id)
    return bool(await session.execute(_UPDATE, args))


async def set_total(session: WriteSession, build_id: int) -> None:
    """Set the total price to the sum of the lines."""
    await session.execute(_TOTAL, (build_id,))


async def delete(session: WriteSession, build_id: int, owner_id: int) -> bool:
    """Delete the owner's build; False when there is none."""
    return bool(await session.execute(_DELETE, (build_id, owner_id)))


async def share(session: WriteSession, build_id: int, owner_id: int, token: str) -> str | None:
    """Share the owner's build under `token`, or keep an earlier token; the token, None when there is no such build."""
    await session.execute(_SHARE, (token, build_id, owner_id))
    held = await session.fetch_value(_HELD, (build_id, owner_id))
    return None if held is None else str(held)


async def unshare(session: WriteSession, build_id: int, owner_id: int) -> bool:
    """Withdraw the share token of the owner's build; False when there is no such build."""
    return bool(await session.execute(_UNSHARE, (build_id, owner_id)))


async def _page(
    session: ReadSession, condition: str, args: tuple[int, ...], order: str, query: PageQuery
) -> list[BuildItem]:
    # The inner query skips rows in the index; whole rows are read for this page only.
    return await session.fetch_all(
        f"SELECT {_ITEM} FROM (SELECT builds.id FROM builds WHERE {condition} ORDER BY {order} LIMIT %s OFFSET %s)"  # noqa: S608
        f" AS page JOIN builds USING (id) JOIN users ON users.id = builds.user_id ORDER BY {order}",
        (*args, query.size, query.offset),
        BuildItem,
    )
