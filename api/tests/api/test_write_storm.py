"""A server killed in the middle of writes leaves right counters and no stale cache."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User
from testing.replica import Replica, replica
from testing.waiting import eventually

from .answers import data

pytestmark = pytest.mark.anyio

WRITERS = 12
WRITES = 60
# The critical moments are short, so a kill may miss them.
KILLS = 2

# Counters of a post and its comments, with the numbers of rows.
PROOF = """
SELECT posts.comment_count, (SELECT COUNT(*) FROM comments WHERE post_id = posts.id AND is_deleted = FALSE),
    posts.like_count, (SELECT COUNT(*) FROM content_likes WHERE target_type = 'POST' AND target_id = posts.id)
FROM posts WHERE id = %s
"""
# The killed process has no connections any more, so its open transactions are rolled back.
CONNECTED = "SELECT COUNT(*) FROM performance_schema.processlist WHERE user = %s AND id <> CONNECTION_ID()"


@asynccontextmanager
async def client_of(server: Replica, user: User) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {user.token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers) as client:
        yield client


async def storm(server: Replica, users: list[User], post: int) -> int:
    """Comments written and deleted, likes, and readers that fill the caches, until the server is killed under them.

    How many writes were answered.
    """
    done = itertools.count(1)
    answered = 0

    async def write(user: User) -> None:
        nonlocal answered
        async with client_of(server, user) as client:
            while True:
                comment = data(await client.post(f"/posts/{post}/comments", json={"content": "폭풍"}), 201)["id"]
                data(await client.post(f"/likes/POST/{post}"))
                data(await client.delete(f"/comments/{comment}"))
                answered = next(done) * 3
                if answered >= WRITES:
                    server.process.kill()

    async def read(user: User) -> None:
        async with client_of(server, user) as client:
            while True:
                for path in ("/posts", f"/posts/{post}", f"/posts/{post}/comments"):
                    data(await client.get(path))

    async def until_killed(work: Awaitable[None]) -> None:
        with contextlib.suppress(httpx.TransportError):
            await work

    await asyncio.gather(*(until_killed(write(user)) for user in users), until_killed(read(users[0])))
    return answered


async def test_sigkill_in_a_write_storm(
    settings: Settings,
    changed: Callable[..., Settings],
    make_user: Callable[..., Awaitable[User]],
    client: httpx.AsyncClient,
    state: AppState,
) -> None:
    users = [await make_user() for _ in range(WRITERS)]
    body = {"boardType": "FREE", "title": "폭풍 속의 글", "content": "본문"}
    post = data(await users[0].client.post("/posts", json=body), 201)["id"]
    async with state.db.read() as session:
        before = int(await session.fetch_value(CONNECTED, (settings.db_username,)))

    for _ in range(KILLS):
        async with replica(changed(rate_limit_write=10_000)) as server:
            assert await asyncio.wait_for(storm(server, users, post), 30) >= WRITES

    async def rolled_back() -> bool:
        async with state.db.read() as session:
            return int(await session.fetch_value(CONNECTED, (settings.db_username,))) <= before

    await eventually(rolled_back, 10)
    async with state.db.read() as session:
        ((comment_count, comments, like_count, likes),) = await session.fetch_rows(PROOF, (post,))
    assert (comment_count, like_count) == (comments, likes)

    async def caches_are_true() -> bool:
        in_list = next(each for each in data(await client.get("/posts"))["content"] if each["id"] == post)
        detail = data(await client.get(f"/posts/{post}"))
        thread = data(await client.get(f"/posts/{post}/comments"))
        return bool(
            [shown["commentCount"] for shown in (in_list, detail)] == [comments] * 2
            and [shown["likeCount"] for shown in (in_list, detail)] == [likes] * 2
            and thread["totalElements"] == comments
        )

    # The other replica's sweep invalidates what the killed one left: rows older than 2 s, every 2 s.
    await eventually(caches_are_true, 8)
