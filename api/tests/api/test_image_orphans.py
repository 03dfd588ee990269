"""Images that no text shows: which are removed and which are kept."""

import asyncio
import os
import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from jiucom.db import ReadSession, WriteSession
from jiucom.domains.images import orphans, queries
from jiucom.domains.images.storage import Storage
from jiucom.jobs.job import Tools
from jiucom.state import AppState
from testing.clients import User

from .tables import execute, insert, rows

pytestmark = pytest.mark.anyio


async def _image(state: AppState, user: User, *, hours: int, text: str | None = None, file: bool = True) -> Path:
    name = f"{secrets.token_hex(16)}.png"
    path = Path(state.settings.storage_upload_dir) / "posts" / name
    if file:
        Storage(state.settings.storage_upload_dir).write("posts", name, b"png")
    await insert(
        state,
        "INSERT INTO images (user_id, directory, file_name, content_type, size_bytes, width, height, sha256, created_at)"
        " VALUES (%s, 'posts', %s, 'image/png', 3, 1, 1, %s, UTC_TIMESTAMP(6) - INTERVAL %s HOUR)",
        user.id,
        name,
        "0" * 64,
        hours,
    )
    if text is not None:
        await insert(
            state,
            "INSERT INTO posts (user_id, board_type, title, content) VALUES (%s, 'FREE', 't', %s)",
            user.id,
            text.format(f"/api/v1/images/posts/{name}"),
        )
    return path


async def test_image_orphans(state: AppState, tools: Tools, user: User) -> None:
    shown = await _image(state, user, hours=48, text="![그림]({}) 보세요")
    twice = await _image(state, user, hours=48, text="<img src='https://jiucom.com{0}'>{0}")
    young = await _image(state, user, hours=23)
    orphan = await _image(state, user, hours=25)
    without_file = await _image(state, user, hours=25, file=False)
    strays = [orphan.parent / f"{secrets.token_hex(16)}.png" for _ in range(2)]
    for stray, age in zip(strays, (25, 1), strict=True):
        stray.write_bytes(b"stray")
        os.utime(stray, times=(time.time() - age * 3600,) * 2)
    # A file as old as its row.
    os.utime(shown, times=(time.time() - 48 * 3600,) * 2)
    report = await orphans.remove(tools)
    assert (report["images"], report["files"]) == (2, 1)
    assert [each.exists() for each in (shown, twice, young, orphan, without_file, *strays)] == [
        *(True, True, True),
        *(False, False),
        *(False, True),
    ]
    # The text that shows it is deleted, so the image is removed too.
    await execute(state, "UPDATE posts SET is_deleted = TRUE WHERE user_id = %s", user.id)
    assert (await orphans.remove(tools))["images"] == 2


async def test_an_image_that_moves_while_we_look_is_kept(
    state: AppState, tools: Tools, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a comment to a post, when posts have been looked at and comments have not."""
    image = await _image(state, user, hours=48, text="{}")
    await execute(state, "UPDATE posts SET updated_at = UTC_TIMESTAMP(6) - INTERVAL 2 DAY WHERE user_id = %s", user.id)
    ((post, content),) = await rows(state, "SELECT id, content FROM posts WHERE user_id = %s", user.id)
    await execute(state, "UPDATE posts SET content = 'nothing yet' WHERE id = %s", post)
    comment = await insert(
        state, "INSERT INTO comments (post_id, user_id, content) VALUES (%s, %s, %s)", post, user.id, content
    )
    texts, moved = queries.texts, False

    async def moving(session: ReadSession, after: tuple[int, int], *rest: Any) -> Any:
        nonlocal moved
        if after[0] == 1 and not moved:
            moved = True
            answer = await user.client.put(f"/posts/{post}", json={"content": content})
            assert answer.status_code == 200
            assert (await user.client.delete(f"/comments/{comment}")).status_code == 200
        return await texts(session, after, *rest)

    monkeypatch.setattr(queries, "texts", moving)
    await orphans.remove(tools)
    assert (moved, image.exists()) == (True, True)
    assert await rows(state, "SELECT is_attached FROM images WHERE file_name = %s", image.name) == [(1,)]


async def test_a_picture_stays_when_a_text_with_it_is_committed_during_the_deletion(
    state: AppState, tools: Tools, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = await _image(state, user, hours=48)
    before = await rows(state, "SELECT * FROM images WHERE file_name = %s", image.name)
    delete = queries.delete

    async def posting(tx: WriteSession, ids: Any) -> None:
        content = f"![그림](/api/v1/images/posts/{image.name})"
        body = {"boardType": "FREE", "title": "제목", "content": content}
        assert (await asyncio.create_task(user.client.post("/posts", json=body))).status_code == 201
        await delete(tx, ids)

    monkeypatch.setattr(queries, "delete", posting)
    await orphans.remove(tools)
    monkeypatch.undo()
    assert image.exists()
    after = await rows(state, "SELECT * FROM images WHERE file_name = %s", image.name)
    await execute(state, "UPDATE images SET is_attached = FALSE WHERE file_name = %s", image.name)
    assert await rows(state, "SELECT is_attached FROM images WHERE file_name = %s", image.name) == [(0,)]
    assert len(after) == 1
    assert await rows(state, "SELECT * FROM images WHERE file_name = %s", image.name) == before


async def test_a_run_that_dies_before_restoring_a_row_loses_no_picture(
    state: AppState, tools: Tools, user: User
) -> None:
    image = await _image(state, user, hours=48, text="![그림]({})")
    os.utime(image, times=(time.time() - 48 * 3600,) * 2)
    await execute(state, "DELETE FROM images WHERE file_name = %s", image.name)
    await orphans.remove(tools)
    assert image.exists()
