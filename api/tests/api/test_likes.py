"""Likes: toggles, counters, visibility."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from jiucom.domains.likes import service
from jiucom.state import AppState
from testing.clients import User
from testing.shop import Shop

from .answers import data, refusal, wrong_fields

pytestmark = pytest.mark.anyio

MakeUser = Callable[..., Awaitable[User]]

UNKNOWN = 999_999_999
TABLES = {"POST": "posts", "COMMENT": "comments", "REVIEW": "reviews", "BUILD": "builds"}
KINDS = pytest.mark.parametrize("kind", TABLES)


@pytest.fixture
async def targets(make_user: MakeUser, shop: Shop) -> dict[str, int]:
    """One of each kind."""
    author = (await make_user()).client
    part = await shop.part()
    post = data(await author.post("/posts", json={"boardType": "FREE", "title": "글", "content": "글"}), 201)["id"]
    comment = data(await author.post(f"/posts/{post}/comments", json={"content": "댓글"}), 201)["id"]
    review = data(await author.post("/reviews", json={"partId": part, "rating": 5, "content": "리뷰"}), 201)["id"]
    body = {"name": "견적", "isPublic": True, "parts": [{"partId": part}]}
    build = data(await author.post("/builds", json=body), 201)["id"]
    return {"POST": post, "COMMENT": comment, "REVIEW": review, "BUILD": build}


async def stored(state: AppState, kind: str, target: int) -> tuple[int, int]:
    """The counter, and the rows."""
    async with state.db.read() as session:
        counter = await session.fetch_value(f"SELECT like_count FROM {TABLES[kind]} WHERE id = %s", (target,))  # noqa: S608
        rows = await session.fetch_value(
            "SELECT COUNT(*) FROM content_likes WHERE target_type = %s AND target_id = %s", (kind, target)
        )
    return counter, rows


@KINDS
async def test_a_like_is_given_and_taken_back(
    client: httpx.AsyncClient, user: User, admin: User, state: AppState, targets: dict[str, int], kind: str
) -> None:
    path = f"/likes/{kind}/{targets[kind]}"
    assert data(await user.client.get(path)) == {"liked": False, "likeCount": 0}
    assert data(await user.client.post(path)) == {"liked": True, "likeCount": 1}
    assert data(await admin.client.post(path)) == {"liked": True, "likeCount": 2}
    assert data(await user.client.get(path)) == {"liked": True, "likeCount": 2}
    assert data(await client.get(path)) == {"liked": False, "likeCount": 2}
    assert await stored(state, kind, targets[kind]) == (2, 2)
    assert data(await user.client.post(path)) == {"liked": False, "likeCount": 1}
    assert await stored(state, kind, targets[kind]) == (1, 1)


@KINDS
async def test_unknown_and_deleted_targets_cannot_be_liked(
    user: User, state: AppState, targets: dict[str, int], kind: str
) -> None:
    async with state.db.transaction() as session:
        await session.execute(f"UPDATE {TABLES[kind]} SET is_deleted = TRUE WHERE id = %s", (targets[kind],))  # noqa: S608
    for target in (UNKNOWN, targets[kind]):
        for method in ("GET", "POST"):
            answer = await user.client.request(method, f"/likes/{kind}/{target}")
            assert refusal(answer) == (404, "JIUCOM-L001")
    assert await stored(state, kind, targets[kind]) == (0, 0)


async def test_comments_of_a_deleted_post_are_not_there(user: User, state: AppState, targets: dict[str, int]) -> None:
    async with state.db.transaction() as session:
        await session.execute("UPDATE posts SET is_deleted = TRUE WHERE id = %s", (targets["POST"],))
    assert refusal(await user.client.post(f"/likes/COMMENT/{targets['COMMENT']}")) == (404, "JIUCOM-L001")


async def test_private_builds_are_there_for_their_owners(
    client: httpx.AsyncClient, user: User, admin: User, shop: Shop
) -> None:
    body = {"name": "비공개", "parts": [{"partId": await shop.part()}]}
    path = f"/likes/BUILD/{data(await user.client.post('/builds', json=body), 201)['id']}"
    for other in (client, admin.client):
        assert refusal(await other.get(path)) == (404, "JIUCOM-L001")
    assert refusal(await admin.client.post(path)) == (404, "JIUCOM-L001")
    assert data(await user.client.post(path)) == {"liked": True, "likeCount": 1}


@pytest.mark.parametrize(
    ("path", "field"), [("post/1", "targetType"), ("PART/1", "targetType"), ("POST/abc", "targetId")]
)
async def test_wrong_targets(client: httpx.AsyncClient, user: User, path: str, field: str) -> None:
    assert wrong_fields(await client.get(f"/likes/{path}")) == {field}
    assert wrong_fields(await user.client.post(f"/likes/{path}")) == {field}


async def test_liking_needs_a_login(client: httpx.AsyncClient, targets: dict[str, int]) -> None:
    assert refusal(await client.post(f"/likes/POST/{targets['POST']}")) == (401, "JIUCOM-A001")


async def test_a_like_changes_only_the_count_of_a_cached_comment(
    client: httpx.AsyncClient, user: User, targets: dict[str, int]
) -> None:
    path = f"/posts/{targets['POST']}/comments"
    (before,) = data(await client.get(path))["comments"]
    data(await user.client.post(f"/likes/COMMENT/{targets['COMMENT']}"))
    (after,) = data(await client.get(path))["comments"]
    assert after == {**before, "likeCount": 1}


class _Apart(dict[Any, asyncio.Lock]):
    def setdefault(self, key: Any, default: Any = None) -> Any:
        return default


@pytest.mark.parametrize(
    ("kind", "where"), [("POST", "on one replica"), ("BUILD", "on one replica"), ("POST", "on many replicas")]
)
async def test_fifty_users_toggle_five_hundred_times_at_once(
    make_user: MakeUser,
    state: AppState,
    targets: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    where: str,
) -> None:
    """Every answer is 200; users with an odd number of toggles like it in the end; the counter equals the number of rows."""
    users = [await make_user() for _ in range(50)]
    path = f"/likes/{kind}/{targets[kind]}"
    if where == "on many replicas":
        # They know nothing of each other's turns.
        monkeypatch.setattr(service, "_turns", _Apart())
    answers = await asyncio.gather(*(user.client.post(path) for user in users))
    assert sorted(data(answer)["likeCount"] for answer in answers) == list(range(1, 51))
    await asyncio.gather(*(user.client.post(path) for user in users))
    # 9 and 11 times in turns: 500 in all, and odd. The first ten go once more.
    toggles = [user for n, user in enumerate(users) for _ in range(9 if n % 2 else 11)]
    answers = await asyncio.gather(*(user.client.post(path) for user in toggles))
    assert len(answers) == 500
    assert {answer.status_code for answer in answers} == {200}
    assert await stored(state, kind, targets[kind]) == (50, 50)
    await asyncio.gather(*(user.client.post(path) for user in users[:10]))
    assert await stored(state, kind, targets[kind]) == (40, 40)
    liked = [data(await user.client.get(path))["liked"] for user in users]
    assert liked == [False] * 10 + [True] * 40


async def test_likes_of_one_target_do_not_take_the_whole_pool(
    client: httpx.AsyncClient, make_user: MakeUser, state: AppState, targets: dict[str, int]
) -> None:
    users = [await make_user() for _ in range(state.settings.db_pool_size + 1)]
    path = f"/likes/POST/{targets['POST']}"
    async with state.db.transaction() as session:
        await session.fetch_rows("SELECT id FROM posts WHERE id = %s FOR UPDATE", (targets["POST"],))
        toggles = [asyncio.create_task(user.client.post(path)) for user in users]
        # Others are served while all of them wait; in a task of their own, or they would read this transaction.
        for _ in range(5):
            assert data(await asyncio.create_task(client.get("/builds/popular")))["page"] == 0
        assert not any(toggle.done() for toggle in toggles)
    assert {(await toggle).status_code for toggle in toggles} == {200}
