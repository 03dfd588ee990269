"""Posts: boards, search, views, changes, moderation."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest

from jiucom.db import ReadSession
from jiucom.domains.posts.schemas import BoardType
from jiucom.state import AppState
from testing.clients import User
from testing.waiting import eventually

from .answers import data, refusal, wrong_fields

pytestmark = pytest.mark.anyio

UNKNOWN = 999_999_999
ITEM = {
    "id", "boardType", "title", "content", "authorId", "authorNickname", "viewCount", "likeCount", "commentCount",
    "createdAt",
}  # fmt: skip
DETAIL = ITEM | {"updatedAt"}


async def write(author: User, board: str = "FREE", title: str = "시험 글", content: str = "본문입니다.") -> int:
    body = {"boardType": board, "title": title, "content": content}
    return int(data(await author.client.post("/posts", json=body), 201)["id"])


async def listed(client: httpx.AsyncClient, path: str = "/posts", **query: object) -> list[int]:
    page = data(await client.get(path, params={key: str(value) for key, value in query.items()}))
    return [post["id"] for post in page["content"]]


async def test_a_post_is_written_and_read_as_it_was_written(client: httpx.AsyncClient, user: User) -> None:
    text = "  <b>들여쓰기</b>\n\n  & 이모지 🖥️ 😀 \t끝  "
    body = {"boardType": "QNA", "title": " 제목 ", "content": text}
    written = data(await user.client.post("/posts", json=body), 201)
    assert set(written) == DETAIL
    assert (written["boardType"], written["title"], written["content"]) == ("QNA", " 제목 ", text)
    assert (written["authorId"], written["authorNickname"]) == (user.id, user.nickname)
    assert (written["viewCount"], written["likeCount"], written["commentCount"]) == (0, 0, 0)
    assert written["createdAt"].endswith("+09:00")
    read = data(await client.get(f"/posts/{written['id']}"))
    assert read == {**written, "viewCount": 1}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"boardType", "title", "content"}),
        ({"boardType": "NONE", "title": "x" * 201, "content": "x" * 10_001}, {"boardType", "title", "content"}),
        ({"boardType": 1, "title": 2, "content": None}, {"boardType", "title", "content"}),
        ({"boardType": "FREE", "title": " \t", "content": "　"}, {"title", "content"}),
    ],
)
async def test_wrong_posts_name_their_fields(user: User, body: dict[str, object], fields: set[str]) -> None:
    assert wrong_fields(await user.client.post("/posts", json=body)) == fields


async def test_longest_texts_fit(user: User) -> None:
    """Four bytes a character, and the column still takes it."""
    body = {"boardType": "FREE", "title": "😀" * 200, "content": "😀" * 10_000}
    assert data(await user.client.post("/posts", json=body), 201)["title"] == "😀" * 200


async def test_writing_needs_a_login(client: httpx.AsyncClient, user: User) -> None:
    post = await write(user)
    body = {"boardType": "FREE", "title": "제목", "content": "본문"}
    assert refusal(await client.post("/posts", json=body)) == (401, "JIUCOM-A001")
    assert refusal(await client.put(f"/posts/{post}", json={})) == (401, "JIUCOM-A001")
    assert refusal(await client.delete(f"/posts/{post}")) == (401, "JIUCOM-A001")


async def test_official_boards_are_for_administrators(user: User, admin: User) -> None:
    mine = await write(user)
    body = {"boardType": "NEWS", "title": "공지", "content": "본문"}
    assert refusal(await user.client.post("/posts", json=body)) == (403, "JIUCOM-A002")
    assert refusal(await user.client.put(f"/posts/{mine}", json=body)) == (403, "JIUCOM-A002")
    assert await write(admin, "NEWS")
    # The others, guides among them, are for everyone.
    for board in BoardType:
        if board is not BoardType.NEWS:
            assert await write(user, board)


async def test_former_administrators_cannot_change_news(user: User, admin: User, state: AppState) -> None:
    """Their posts stay, as they are, and those on other boards stay theirs."""
    news, free = await write(admin, "NEWS"), await write(admin)
    data(await admin.client.put(f"/posts/{news}", json={"title": "고친 공지"}))
    async with state.db.transaction() as tx:
        await tx.execute("UPDATE users SET role = 'USER' WHERE id = %s", (admin.id,))
        state.accounts.changed(tx, admin.id)
    await eventually(partial(_refused, admin, news))
    for changes in ({"title": "또 고친 공지"}, {"boardType": "FREE"}):
        assert refusal(await admin.client.put(f"/posts/{news}", json=changes)) == (403, "JIUCOM-A002")
    assert data(await admin.client.get(f"/posts/{news}"))["title"] == "고친 공지"
    data(await admin.client.put(f"/posts/{free}", json={"title": "고친 글"}))
    assert refusal(await user.client.put(f"/posts/{news}", json={"title": "x"})) == (403, "JIUCOM-PO002")


async def _refused(author: User, post: int) -> bool:
    """Every replica knows of a new role within a second."""
    return (await author.client.put(f"/posts/{post}", json={"title": "고친 공지"})).status_code == 403


async def test_every_view_is_counted_and_is_not_an_edit(client: httpx.AsyncClient, user: User, state: AppState) -> None:
    post = await write(user)
    first = data(await client.get(f"/posts/{post}"))
    second = data(await user.client.get(f"/posts/{post}"))
    assert (first["viewCount"], second["viewCount"]) == (1, 2)
    assert second["updatedAt"] == first["updatedAt"] == first["createdAt"]
    async with state.db.read() as session:
        assert await session.fetch_value("SELECT view_count FROM posts WHERE id = %s", (post,)) == 2


async def test_concurrent_views_get_different_numbers(
    client: httpx.AsyncClient, user: User, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Views of a popular post take one connection, not the whole pool."""
    post, statements = await write(user), []
    run = ReadSession._run

    async def note(session: ReadSession, sql: str, args: Any) -> Any:
        statements.append(sql)
        return await run(session, sql, args)

    monkeypatch.setattr(ReadSession, "_run", note)
    answers = await asyncio.gather(*(client.get(f"/posts/{post}") for _ in range(100)))
    assert sorted(data(answer)["viewCount"] for answer in answers) == list(range(1, 101))
    assert len([sql for sql in statements if sql.startswith("UPDATE posts")]) < 10
    assert await asyncio.gather(*(_code(client, UNKNOWN) for _ in range(5))) == [(404, "JIUCOM-PO001")] * 5


async def _code(client: httpx.AsyncClient, post: int) -> tuple[int, str]:
    return refusal(await client.get(f"/posts/{post}"))


async def test_an_update_changes_the_given_fields_only(client: httpx.AsyncClient, user: User) -> None:
    post = await write(user, title="처음")
    before = data(await client.get(f"/posts/{post}"))
    changed = data(await user.client.put(f"/posts/{post}", json={"title": "나중", "content": None}))
    assert (changed["title"], changed["content"]) == ("나중", before["content"])
    # The answer has the new time already.
    assert changed["updatedAt"] > before["updatedAt"]
    assert data(await client.get(f"/posts/{post}"))["title"] == "나중"
    assert wrong_fields(await user.client.put(f"/posts/{post}", json={"title": " ", "content": ""})) == {
        "title",
        "content",
    }


async def test_only_authors_change_posts(user: User, make_user: Callable[..., Awaitable[User]]) -> None:
    post, other = await write(user), await make_user()
    for method in ("PUT", "DELETE"):
        answer = await other.client.request(method, f"/posts/{post}", json={"title": "남의 글"})
        assert refusal(answer) == (403, "JIUCOM-PO002")
        answer = await other.client.request(method, f"/posts/{UNKNOWN}", json={})
        assert refusal(answer) == (404, "JIUCOM-PO001")


async def test_deleted_posts_are_not_found(client: httpx.AsyncClient, user: User) -> None:
    post = await write(user)
    assert post in await listed(client)
    data(await client.get(f"/posts/{post}"))
    answer = await user.client.delete(f"/posts/{post}")
    assert data(answer) is None
    assert "data" not in answer.json()
    assert post not in await listed(client)
    assert refusal(await client.get(f"/posts/{post}")) == (404, "JIUCOM-PO001")
    assert refusal(await user.client.delete(f"/posts/{post}")) == (404, "JIUCOM-PO001")
    assert refusal(await user.client.put(f"/posts/{post}", json={"title": "x"})) == (404, "JIUCOM-PO001")


@pytest.mark.parametrize(("post", "expected"), [(UNKNOWN, (404, "JIUCOM-PO001")), ("abc", (400, "JIUCOM-401"))])
async def test_unknown_posts_are_404(client: httpx.AsyncClient, post: object, expected: tuple[int, str]) -> None:
    assert refusal(await client.get(f"/posts/{post}")) == expected


async def test_lists_are_newest_first_by_board_in_any_case(client: httpx.AsyncClient, user: User) -> None:
    posts = [await write(user, board) for board in ("QNA", "FREE", "QNA")]
    page = data(await client.get("/posts", params={"boardType": "qna", "size": "2"}))
    assert [post["id"] for post in page["content"]] == [posts[2], posts[0]]
    assert set(page["content"][0]) == ITEM
    assert (page["number"], page["size"], page["first"]) == (0, 2, True)
    assert (await listed(client, size=3)) == posts[::-1]
    assert await listed(client, boardType="QNA", size=1, page=1) == [posts[0]]
    assert wrong_fields(await client.get("/posts?boardType=NONE&page=-1&size=101")) == {"boardType", "page", "size"}


async def test_lists_show_the_beginning_of_posts(client: httpx.AsyncClient, user: User) -> None:
    await write(user, content="가" * 300)
    page = data(await client.get("/posts?size=1"))
    assert page["content"][0]["content"] == "가" * 150


async def test_keywords_find_titles_and_texts(client: httpx.AsyncClient, user: User) -> None:
    """A search never answers from, or into, the list without a keyword."""
    title = await write(user, "FREE", "순정 쿨러 XQ77 소음", "조용합니다.")
    text = await write(user, "QNA", "질문", "XQ77 쿨러는 순정인가요?")
    await write(user, "FREE", "다른 쿨러", "XQ78")
    assert await listed(client, keyword="xq77") == [text, title]
    assert await listed(client, "/posts/search", keyword="쿨러 XQ77") == [text, title]
    assert await listed(client, keyword="xq77", boardType="QNA") == [text]
    assert await listed(client, keyword="xq77%") == []
    assert len(await listed(client)) > 2


@pytest.mark.parametrize("query", ["", "?keyword=", "?keyword=%20", f"?keyword={'x' * 101}"])
async def test_a_search_needs_a_keyword(client: httpx.AsyncClient, query: str) -> None:
    assert wrong_fields(await client.get(f"/posts/search{query}")) == {"keyword"}


async def test_cached_lists_and_posts_follow_every_change(client: httpx.AsyncClient, user: User) -> None:
    post = await write(user)

    async def shown(key: str) -> tuple[object, object]:
        in_list = data(await client.get("/posts?size=1"))["content"][0]
        assert in_list["id"] == post
        return in_list[key], data(await client.get(f"/posts/{post}"))[key]

    assert await shown("title") == ("시험 글", "시험 글")
    data(await user.client.put(f"/posts/{post}", json={"title": "바뀐 제목"}))
    assert await shown("title") == ("바뀐 제목", "바뀐 제목")
    assert await shown("commentCount") == (0, 0)
    data(await user.client.post(f"/posts/{post}/comments", json={"content": "댓글"}), 201)
    assert await shown("commentCount") == (1, 1)
    data(await user.client.post(f"/likes/POST/{post}"))
    assert await shown("likeCount") == (1, 1)


async def test_lists_and_posts_come_from_the_cache(client: httpx.AsyncClient, user: User, state: AppState) -> None:
    post = await write(user)
    await listed(client)
    data(await client.get(f"/posts/{post}"))
    async with state.db.transaction() as session:
        await session.execute("UPDATE posts SET title = '아무도 모르게' WHERE id = %s", (post,))
    assert data(await client.get("/posts"))["content"][0]["title"] == "시험 글"
    assert data(await client.get(f"/posts/{post}"))["title"] == "시험 글"


async def test_withdrawn_authors_have_no_name(client: httpx.AsyncClient, user: User, state: AppState) -> None:
    post = await write(user)
    async with state.db.transaction() as session:
        await session.execute("UPDATE users SET is_deleted = TRUE WHERE id = %s", (user.id,))
    assert data(await client.get(f"/posts/{post}"))["authorNickname"] == "탈퇴한 사용자"


async def test_moderation_is_for_administrators_and_on_record(
    client: httpx.AsyncClient, user: User, admin: User, state: AppState
) -> None:
    post = await write(user, title="광고")
    path = f"/admin/posts/{post}"
    assert refusal(await client.delete(path)) == (401, "JIUCOM-A001")
    assert refusal(await user.client.delete(path)) == (403, "JIUCOM-A002")
    assert refusal(await admin.client.delete("/admin/posts/abc")) == (400, "JIUCOM-401")
    assert data(await admin.client.delete(path)) is None
    assert refusal(await admin.client.delete(path)) == (404, "JIUCOM-PO001")
    assert refusal(await client.get(f"/posts/{post}")) == (404, "JIUCOM-PO001")
    async with state.db.read() as session:
        rows = await session.fetch_rows(
            "SELECT actor_id, action, before_state->>'$.title', address FROM audit_log"
            " WHERE target_type = 'POST' AND target_id = %s",
            (post,),
        )
    assert list(rows) == [(admin.id, "POST_DELETED", "광고", "127.0.0.1")]
