"""Comments: threads, placeholders, counters, notifications."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from jiucom.db import ReadSession
from jiucom.domains.comments import queries
from jiucom.state import AppState
from testing.clients import User

from .answers import data, refusal, wrong_fields

pytestmark = pytest.mark.anyio

MakeUser = Callable[..., Awaitable[User]]

UNKNOWN = 999_999_999
COMMENT = {
    "id", "content", "authorId", "authorNickname", "parentId", "likeCount", "createdAt", "updatedAt", "deleted",
    "replies",
}  # fmt: skip


@pytest.fixture
async def author(make_user: MakeUser) -> User:
    """The author of the post."""
    return await make_user()


@pytest.fixture
async def post(author: User) -> int:
    """A post without comments."""
    body = {"boardType": "FREE", "title": "댓글을 기다리는 글", "content": "본문"}
    return int(data(await author.client.post("/posts", json=body), 201)["id"])


async def comment(user: User, post: int, content: str = "댓글", parent: int | None = None) -> int:
    body = {"content": content, "parentId": parent}
    return int(data(await user.client.post(f"/posts/{post}/comments", json=body), 201)["id"])


async def threads(client: httpx.AsyncClient, post: int, **query: object) -> dict[str, Any]:
    answer = await client.get(f"/posts/{post}/comments", params={key: str(value) for key, value in query.items()})
    page: dict[str, Any] = data(answer)
    return page


async def shown(client: httpx.AsyncClient, post: int) -> list[Any]:
    """The ids on the page: of each thread its first comment, then those below."""
    page = await threads(client, post)
    return [[thread["id"], *(reply["id"] for reply in thread["replies"])] for thread in page["comments"]]


async def count(client: httpx.AsyncClient, post: int) -> int:
    return int(data(await client.get(f"/posts/{post}"))["commentCount"])


async def told(user: User) -> list[str]:
    """Titles of the user's notifications, oldest first."""
    page = data(await user.client.get("/notifications"))
    return [each["title"] for each in reversed(page["content"])]


async def test_a_comment_is_written_and_shown(client: httpx.AsyncClient, user: User, post: int) -> None:
    text = " <i>그대로</i>\n😀 "
    answer = await user.client.post(f"/posts/{post}/comments", json={"content": text})
    written = data(answer, 201)
    assert set(written) == COMMENT
    assert (written["content"], written["authorId"], written["parentId"]) == (text, user.id, None)
    assert written["replies"] == []
    page = await threads(client, post)
    assert page["comments"] == [{**written, "replies": []}]
    assert {key: value for key, value in page.items() if key != "comments"} == {
        "currentPage": 0, "page": 0, "number": 0, "size": 20, "totalElements": 1, "totalPages": 1,
        "first": True, "last": True, "repliesAfter": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"content"}),
        ({"content": " \n", "parentId": "1"}, {"content", "parentId"}),
        ({"content": "x" * 10_001}, {"content"}),
        ({"content": 1, "parentId": 1.5}, {"content", "parentId"}),
    ],
)
async def test_wrong_comments_name_their_fields(
    user: User, post: int, body: dict[str, object], fields: set[str]
) -> None:
    assert wrong_fields(await user.client.post(f"/posts/{post}/comments", json=body)) == fields


async def test_commenting_needs_a_login(client: httpx.AsyncClient, user: User, post: int) -> None:
    mine = await comment(user, post)
    assert refusal(await client.post(f"/posts/{post}/comments", json={"content": "x"})) == (401, "JIUCOM-A001")
    assert refusal(await client.put(f"/comments/{mine}", json={"content": "x"})) == (401, "JIUCOM-A001")
    assert refusal(await client.delete(f"/comments/{mine}")) == (401, "JIUCOM-A001")


async def test_no_comments_without_a_post(client: httpx.AsyncClient, user: User, author: User, post: int) -> None:
    mine = await comment(user, post)
    data(await author.client.delete(f"/posts/{post}"))
    for gone in (UNKNOWN, post):
        answer = await user.client.post(f"/posts/{gone}/comments", json={"content": "x"})
        assert refusal(answer) == (404, "JIUCOM-PO001")
        assert (await threads(client, gone))["comments"] == []
    assert refusal(await user.client.put(f"/comments/{mine}", json={"content": "x"})) == (404, "JIUCOM-C001")
    assert wrong_fields(await client.get("/posts/abc/comments")) == {"postId"}


async def test_threads_of_any_depth_are_shown(client: httpx.AsyncClient, user: User, author: User, post: int) -> None:
    chain = [await comment(user, post)]
    for n in range(12):
        chain.append(await comment(author if n % 2 else user, post, parent=chain[-1]))
    other = await comment(user, post)
    side = await comment(author, post, parent=chain[3])
    assert await shown(client, post) == [[*chain, side], [other]]
    replies = (await threads(client, post))["comments"][0]["replies"]
    assert [reply["parentId"] for reply in replies] == [*chain[:-1], chain[3]]
    assert all(reply["replies"] == [] for reply in replies)
    assert await count(client, post) == 15


async def test_a_page_of_threads_takes_three_statements(
    client: httpx.AsyncClient, user: User, post: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No query per level, author or thread."""
    for _ in range(3):
        parent = await comment(user, post)
        for _ in range(3):
            parent = await comment(user, post, parent=parent)
    statements = []
    run = ReadSession._run

    async def note(session: ReadSession, sql: str, args: Any) -> Any:
        statements.append(sql)
        return await run(session, sql, args)

    monkeypatch.setattr(ReadSession, "_run", note)
    assert len((await threads(client, post))["comments"]) == 3
    assert len([sql for sql in statements if "comments" in sql]) == 3


@pytest.mark.parametrize(
    ("replies", "text"), [(queries.MAX_BELOW * 2 + 1, "x"), (60, "가" * 10_000), (2, "x")], ids=["many", "long", "few"]
)
async def test_a_long_thread_is_shown_answer_by_answer(
    client: httpx.AsyncClient, user: User, post: int, state: AppState, replies: int, text: str
) -> None:
    root, other = await comment(user, post), await comment(user, post)
    async with state.db.transaction() as session:
        await session.execute("SET SESSION cte_max_recursion_depth = 10000")
        await session.execute(
            "INSERT INTO comments (post_id, user_id, parent_id, root_id, content)"
            " WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < %s)"
            " SELECT %s, %s, IF(n %% 2, %s, %s), IF(n %% 2, %s, %s), %s FROM n",
            (replies, post, user.id, root, other, root, other, text),
        )
        await session.execute("UPDATE posts SET comment_count = comment_count + %s WHERE id = %s", (replies, post))
        rows = await session.fetch_rows("SELECT id FROM comments WHERE root_id IN (%s, %s) ORDER BY id", (root, other))
    found: list[int] = []
    answers, after = 0, 0
    while after is not None:
        answer = await client.get(f"/posts/{post}/comments", params={"size": 7, "repliesAfter": after})
        assert len(answer.content) < 1024 * 1024
        page = data(answer)
        first, second = page["comments"]
        assert (first["id"], second["id"]) == (root, other)
        assert {each["parentId"] for each in first["replies"]} <= {root}
        found += sorted(each["id"] for thread in page["comments"] for each in thread["replies"])
        answers, after = answers + 1, page["repliesAfter"]
        assert answers < 10
    assert found == [row for (row,) in rows]
    assert (answers > 1) == (replies > 2)


async def test_malformed_ids_in_replies_after_are_refused(client: httpx.AsyncClient, post: int) -> None:
    for wrong in ("-1", "x", str(2**63)):
        assert wrong_fields(await client.get(f"/posts/{post}/comments?repliesAfter={wrong}")) == {"repliesAfter"}


async def test_threads_are_paged_oldest_first(client: httpx.AsyncClient, user: User, post: int) -> None:
    first, second, third = [await comment(user, post) for _ in range(3)]
    reply = await comment(user, post, parent=first)
    page = await threads(client, post, size=2, page=1)
    assert [each["id"] for each in page["comments"]] == [third]
    assert (page["totalElements"], page["totalPages"], page["currentPage"], page["last"]) == (3, 2, 1, True)
    page = await threads(client, post, size=2)
    assert [each["id"] for each in page["comments"]] == [first, second]
    assert [each["id"] for each in page["comments"][0]["replies"]] == [reply]
    assert wrong_fields(await client.get(f"/posts/{post}/comments?size=0&page=x")) == {"page", "size"}


async def test_parents_are_of_the_same_post_and_there(user: User, author: User, post: int) -> None:
    body = {"boardType": "FREE", "title": "다른 글", "content": "본문"}
    elsewhere = data(await author.client.post("/posts", json=body), 201)["id"]
    foreign, deleted = await comment(user, elsewhere), await comment(user, post)
    data(await user.client.delete(f"/comments/{deleted}"))
    for parent in (foreign, deleted, UNKNOWN):
        answer = await user.client.post(f"/posts/{post}/comments", json={"content": "x", "parentId": parent})
        assert refusal(answer) == (404, "JIUCOM-C001")
    # Nothing of the refused ones was counted.
    assert await count(user.client, post) == 0


async def test_changes(client: httpx.AsyncClient, user: User, post: int) -> None:
    mine = await comment(user, post, "처음")
    before = (await threads(client, post))["comments"][0]
    changed = data(await user.client.put(f"/comments/{mine}", json={"content": "나중"}))
    assert changed["content"] == "나중"
    assert changed["updatedAt"] > before["updatedAt"]
    assert (await threads(client, post))["comments"][0]["content"] == "나중"
    assert wrong_fields(await user.client.put(f"/comments/{mine}", json={"content": ""})) == {"content"}


async def test_only_authors_change_comments(user: User, author: User, post: int) -> None:
    mine = await comment(user, post)
    for method in ("PUT", "DELETE"):
        answer = await author.client.request(method, f"/comments/{mine}", json={"content": "x"})
        assert refusal(answer) == (403, "JIUCOM-C002")
        answer = await user.client.request(method, f"/comments/{UNKNOWN}", json={"content": "x"})
        assert refusal(answer) == (404, "JIUCOM-C001")
        answer = await user.client.request(method, "/comments/abc", json={"content": "x"})
        assert refusal(answer) == (400, "JIUCOM-401")


async def test_deleted_comments_keep_the_thread(client: httpx.AsyncClient, user: User, post: int) -> None:
    """Deleted comments with replies stay as placeholders, others are left out; the counter counts those that are not deleted."""
    root = await comment(user, post, "처음")
    middle = await comment(user, post, parent=root)
    leaf = await comment(user, post, parent=middle)
    lonely = await comment(user, post)
    data(await user.client.delete(f"/comments/{root}"))
    data(await user.client.delete(f"/comments/{middle}"))
    data(await user.client.delete(f"/comments/{lonely}"))
    assert await shown(client, post) == [[root, middle, leaf]]
    assert await count(client, post) == 1
    thread = (await threads(client, post))["comments"][0]
    for gone in (thread, thread["replies"][0]):
        assert (gone["content"], gone["authorId"], gone["deleted"]) == ("삭제된 댓글입니다.", None, True)
        assert "처음" not in str(gone)
    assert (await threads(client, post))["totalElements"] == 1
    assert refusal(await user.client.delete(f"/comments/{root}")) == (404, "JIUCOM-C001")
    data(await user.client.delete(f"/comments/{leaf}"))
    assert await shown(client, post) == []
    assert (await threads(client, post))["totalElements"] == 0
    assert await count(client, post) == 0


async def test_deleted_replies_without_replies_are_not_shown(client: httpx.AsyncClient, user: User, post: int) -> None:
    root = await comment(user, post)
    stays, goes = [await comment(user, post, parent=root) for _ in range(2)]
    below = await comment(user, post, parent=goes)
    data(await user.client.delete(f"/comments/{goes}"))
    assert await shown(client, post) == [[root, stays, goes, below]]
    data(await user.client.delete(f"/comments/{below}"))
    assert await shown(client, post) == [[root, stays]]


async def test_counts_of_parallel_comments_are_right(client: httpx.AsyncClient, user: User, post: int) -> None:
    root = await comment(user, post)
    written = await asyncio.gather(*(comment(user, post, parent=root) for _ in range(20)))
    assert await count(client, post) == 21
    again = [asyncio.create_task(user.client.delete(f"/comments/{each}")) for each in written for _ in range(2)]
    statuses = [(await task).status_code for task in again]
    assert sorted(statuses) == [200] * 20 + [404] * 20
    assert await count(client, post) == 1


async def test_the_authors_of_post_and_parent_are_notified(
    make_user: MakeUser, user: User, author: User, post: int
) -> None:
    """To the post's author and to the person replied to; never to oneself, and once."""
    third = await make_user()
    await comment(author, post)
    assert await told(author) == []
    first = await comment(user, post)
    assert await told(author) == ["내 글에 새 댓글이 달렸습니다"]
    reply = await comment(third, post, parent=first)
    assert await told(user) == ["내 댓글에 새 답글이 달렸습니다"]
    assert await told(author) == ["내 글에 새 댓글이 달렸습니다"] * 2
    await comment(third, post, parent=reply)
    assert await told(third) == []
    await comment(author, post, parent=first)
    assert await told(user) == ["내 댓글에 새 답글이 달렸습니다"] * 2
    assert len(await told(author)) == 3
    page = data(await user.client.get("/notifications"))
    newest = page["content"][0]
    assert (newest["type"], newest["linkUrl"], newest["referenceId"]) == ("COMMENT_REPLY", f"/posts/{post}", post)
    assert newest["message"] == f"{author.nickname}님: 댓글을 기다리는 글"


async def test_the_author_replied_to_is_told_once(user: User, author: User, post: int) -> None:
    mine = await comment(author, post)
    await comment(user, post, parent=mine)
    assert await told(author) == ["내 댓글에 새 답글이 달렸습니다"]


async def test_a_refused_comment_notifies_no_user(user: User, author: User, post: int) -> None:
    data(await author.client.delete(f"/posts/{post}"))
    assert refusal(await user.client.post(f"/posts/{post}/comments", json={"content": "x"})) == (404, "JIUCOM-PO001")
    assert await told(author) == []


async def test_a_rolled_back_comment_notifies_no_user(
    user: User, author: User, post: int, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction fails in its last step."""

    async def fail(*_: object) -> None:
        raise RuntimeError("after the notification was written")

    with monkeypatch.context() as patched:
        patched.setattr(state.cache, "invalidate", fail)
        answer = await user.client.post(f"/posts/{post}/comments", json={"content": "x"})
    assert refusal(answer) == (500, "JIUCOM-500")
    assert await told(author) == []
    assert await count(user.client, post) == 0


async def test_moderation_is_for_administrators_and_on_record(
    client: httpx.AsyncClient, user: User, admin: User, post: int, state: AppState
) -> None:
    bad = await comment(user, post, "욕설")
    path = f"/admin/comments/{bad}"
    assert refusal(await client.delete(path)) == (401, "JIUCOM-A001")
    assert refusal(await user.client.delete(path)) == (403, "JIUCOM-A002")
    assert refusal(await admin.client.delete("/admin/comments/abc")) == (400, "JIUCOM-401")
    assert data(await admin.client.delete(path)) is None
    assert refusal(await admin.client.delete(path)) == (404, "JIUCOM-C001")
    assert await shown(client, post) == []
    assert await count(client, post) == 0
    async with state.db.read() as session:
        rows = await session.fetch_rows(
            "SELECT actor_id, action, before_state->>'$.content' FROM audit_log"
            " WHERE target_type = 'COMMENT' AND target_id = %s",
            (bad,),
        )
    assert list(rows) == [(admin.id, "COMMENT_DELETED", "욕설")]
