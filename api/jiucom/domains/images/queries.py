"""Statements of images."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import astuple

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.images.codec import Picture

_INSERT = """
INSERT INTO images (user_id, directory, file_name, content_type, size_bytes, width, height, sha256)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
"""

# The columns that can show images, by an address in their text. Deleted rows do not count.
_SHOWING = (
    ("posts", "content", "is_deleted = FALSE"),
    ("comments", "content", "is_deleted = FALSE"),
    ("reviews", "content", "is_deleted = FALSE"),
    ("builds", "description", "is_deleted = FALSE"),
    ("parts", "image_url", "is_deleted = FALSE"),
    ("users", "profile_image_url", "is_deleted = FALSE"),
    ("sellers", "logo_url", "is_deleted = FALSE"),
)

_COLUMNS = "id, user_id, directory, file_name, content_type, size_bytes, width, height, sha256, created_at"


class Stored(Struct, frozen=True):
    """A row."""

    id: int
    user_id: int
    directory: str
    file_name: str
    content_type: str
    size_bytes: int
    width: int
    height: int
    sha256: str
    created_at: datetime


async def lock_owner(tx: WriteSession, user_id: int) -> None:
    """Lock the user, so that their quota is checked for one upload at a time."""
    await tx.fetch_value("SELECT id FROM users WHERE id = %s FOR UPDATE", (user_id,))


async def bytes_of(tx: WriteSession, user_id: int) -> int:
    """The size of the user's images (bytes)."""
    sql = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS SIGNED) FROM images WHERE user_id = %s"
    return int(await tx.fetch_value(sql, (user_id,)))


async def insert(tx: WriteSession, user_id: int, directory: str, name: str, picture: Picture, sha256: str) -> int:
    """Store an image; its id."""
    size, width, height = len(picture.data), picture.width, picture.height
    return await tx.insert(_INSERT, (user_id, directory, name, picture.content_type, size, width, height, sha256))


async def one_minute_ago(session: ReadSession) -> datetime:
    """A minute ago in UTC: rows written from now on have a later `updated_at`."""
    return await session.fetch_value("SELECT UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE")  # type: ignore[no-any-return]


async def texts(
    session: ReadSession, after: tuple[int, int], limit: int, since: datetime
) -> tuple[list[str], tuple[int, int] | None]:
    """Texts that mention images and were changed since, some at a time.

    Begin with (0, 0), continue with the returned position until it is None.
    """
    table, last = after
    name, column, living = _SHOWING[table]
    rows = await session.fetch_rows(
        f"SELECT id, {column} FROM {name}"  # noqa: S608
        f" WHERE id > %s AND updated_at >= %s AND {living} AND {column} LIKE '%%/images/%%' ORDER BY id LIMIT %s",
        (last, since, limit),
    )
    found = [text for _, text in rows]
    if len(rows) == limit:
        return found, (table, rows[-1][0])
    return found, (table + 1, 0) if table + 1 < len(_SHOWING) else None


async def attached(session: ReadSession) -> set[str]:
    """Names of images that are marked as shown."""
    return {name for (name,) in await session.fetch_rows("SELECT file_name FROM images WHERE is_attached = TRUE")}


async def mark(tx: WriteSession, names: Sequence[str], *, shown: bool) -> int:
    """Mark these as shown or not; how many."""
    return await tx.execute_many(
        "UPDATE images SET is_attached = %s WHERE file_name = %s", [(shown, name) for name in names]
    )


async def orphans(tx: WriteSession, hours: int, limit: int) -> list[Stored]:
    """Images that are not marked as shown and older than `hours`, locked."""
    return await tx.fetch_all(
        f"SELECT {_COLUMNS} FROM images"  # noqa: S608
        " WHERE is_attached = FALSE AND created_at < UTC_TIMESTAMP(6) - INTERVAL %s HOUR ORDER BY id LIMIT %s FOR UPDATE",
        (hours, limit),
        Stored,
    )


async def delete(tx: WriteSession, ids: Sequence[int]) -> None:
    """Delete rows."""
    await tx.execute_many("DELETE FROM images WHERE id = %s", [(each,) for each in ids])


async def restore(tx: WriteSession, images: Sequence[Stored]) -> None:
    """Store deleted rows again, as shown."""
    places = ", ".join(["%s"] * len(Stored.__struct_fields__))
    await tx.execute_many(
        f"INSERT INTO images ({_COLUMNS}, is_attached) VALUES ({places}, TRUE)",  # noqa: S608
        [astuple(image) for image in images],
    )


async def known(session: ReadSession, names: Sequence[str]) -> set[str]:
    """Which of these names are stored."""
    if not names:
        return set()
    places = ", ".join(["%s"] * len(names))
    rows = await session.fetch_rows(f"SELECT file_name FROM images WHERE file_name IN ({places})", tuple(names))  # noqa: S608
    return {name for (name,) in rows}
