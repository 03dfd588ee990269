"""/users/me and below."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from jiucom.mail import enqueue
from jiucom.settings import Settings
from jiucom.state import AppState
from testing import servers
from testing.accounts import PASSWORD, Account, bearer, login, profile, refresh, said, signup
from testing.clients import User, client_of, started
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

LISTS = ["builds", "favorites", "alerts", "posts", "reviews"]
OPERATIONS = [
    ("GET", "/users/me"),
    ("PATCH", "/users/me"),
    ("PUT", "/users/me"),
    ("PUT", "/users/me/password"),
    ("DELETE", "/users/me"),
    *(("GET", f"/users/me/{each}") for each in LISTS),
]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_the_own_account_needs_a_login(client: httpx.AsyncClient, method: str, path: str) -> None:
    """JSON, not a redirect."""
    body: dict[str, Any] | None = {} if method in ("PATCH", "PUT") else None
    assert said(await client.request(method, path, json=body)) == (401, "JIUCOM-A001")


# Profile


async def test_profile(user: User) -> None:
    me = (await user.client.get("/users/me")).json()["data"]
    assert list(me) == ["id", "email", "nickname", "profileImageUrl", "role", "emailVerifiedAt", "createdAt"]
    assert (me["id"], me["email"], me["nickname"]) == (user.id, user.email, user.nickname)
    assert me["createdAt"].endswith("+09:00")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
async def test_an_update_changes_the_given_fields_only(user: User, method: str) -> None:
    async def change(**body: Any) -> dict[str, Any]:
        response = await user.client.request(method, "/users/me", json=body)
        assert response.status_code == 200, response.text
        return dict(response.json()["data"])

    name = f"{user.nickname[:20]}-새"
    assert (await change(nickname=name))["nickname"] == name
    image = "https://example.com/me.png"
    changed = await change(profileImageUrl=image)
    assert (changed["nickname"], changed["profileImageUrl"]) == (name, image)
    assert (await change(nickname=None, profileImageUrl=None))["profileImageUrl"] == image
    assert (await change(nickname=name))["nickname"] == name
    assert (await change(profileImageUrl=""))["profileImageUrl"] is None
    assert (await user.client.get("/users/me")).json()["data"]["nickname"] == name


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"nickname": "가"}, "nickname"),
        ({"nickname": "가" * 31}, "nickname"),
        ({"nickname": "  "}, "nickname"),
        ({"nickname": 1}, "nickname"),
        ({"profileImageUrl": "javascript:alert(1)"}, "profileImageUrl"),
        ({"profileImageUrl": "https://" + "x" * 500}, "profileImageUrl"),
    ],
)
async def test_update_validates(user: User, body: dict[str, Any], field: str) -> None:
    response = await user.client.patch("/users/me", json=body)
    assert said(response) == (400, "JIUCOM-401")
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_a_nickname_in_use_is_refused(user: User) -> None:
    assert said(await user.client.patch("/users/me", json={"nickname": "게이머김"})) == (409, "JIUCOM-U003")


async def test_a_new_nickname_shows_in_cached_answers(user: User, client: httpx.AsyncClient) -> None:
    post = {"boardType": "FREE", "title": "이름이 바뀌는 글", "content": "본문"}
    post_id = (await user.client.post("/posts", json=post)).json()["data"]["id"]
    comment = await user.client.post("/posts/1/comments", json={"content": "이름이 바뀌는 댓글"})
    assert comment.status_code == 201

    async def shown() -> set[str]:
        detail = (await client.get(f"/posts/{post_id}")).json()["data"]["authorNickname"]
        posts = (await client.get("/posts")).json()["data"]["content"]
        comments = (await client.get("/posts/1/comments?size=100")).json()["data"]["comments"]
        return {
            detail,
            *(each["authorNickname"] for each in posts if each["id"] == post_id),
            *(each["authorNickname"] for each in comments if each["authorId"] == user.id),
        }

    assert await shown() == {user.nickname}
    assert await shown() == {user.nickname}
    await user.client.patch("/users/me", json={"nickname": f"{user.nickname}둘"})

    async def renamed() -> bool:
        return await shown() == {f"{user.nickname}둘"}

    # Within moments: see the tests of the backlog.
    await eventually(renamed)


# Password


async def _change(client: httpx.AsyncClient, account: Account, current: str, new: str) -> httpx.Response:
    body = {"currentPassword": current, "newPassword": new}
    return await client.put("/users/me/password", json=body, headers=bearer(account.tokens))


async def test_password(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    other = (await login(client, account.email)).json()["data"]
    response = await _change(client, account, PASSWORD, "another-horse-9")
    assert response.status_code == 200
    assert "data" not in response.json()
    assert (await login(client, account.email)).status_code == 401
    assert (await login(client, account.email, "another-horse-9")).status_code == 200
    # This login goes on, others end.
    assert (await profile(client, account.tokens)).status_code == 200
    assert (await refresh(client, account.tokens["refreshToken"])).status_code == 200
    assert said(await profile(client, other)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, other["refreshToken"])) == (401, "JIUCOM-A004")


async def test_guesses_at_a_password_are_limited(changed: Callable[..., Settings], database: Settings) -> None:
    """With a stolen access token."""
    with servers.redis() as (_, port):
        settings = changed(redis_port=port, rate_limit_login=3)
        async with started(settings) as app, client_of(app) as client:
            account = await signup(client)
            answers = [await _change(client, account, "a wrong guess", "another-horse-9") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [400] * 3 + [429]


async def test_password_validates(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    wrong = await _change(client, account, "wrong-password", "another-horse-9")
    # Not 401: clients would refresh their token and try again.
    assert said(wrong) == (400, "JIUCOM-401")
    assert [error["field"] for error in wrong.json()["errors"]] == ["currentPassword"]
    short = await _change(client, account, PASSWORD, "short")
    assert [error["field"] for error in short.json()["errors"]] == ["newPassword"]


# The user's content


@pytest.mark.parametrize("name", LISTS)
async def test_own_lists_are_paged(user: User, name: str) -> None:
    page = (await user.client.get(f"/users/me/{name}")).json()["data"]
    assert page == {
        "content": [], "page": 0, "number": 0, "size": 20, "totalElements": 0, "totalPages": 0,
        "first": True, "last": True,
    }  # fmt: skip
    assert said(await user.client.get(f"/users/me/{name}?size=101")) == (400, "JIUCOM-401")


async def test_own_lists_hold_only_own_items(user: User, client: httpx.AsyncClient) -> None:
    mine = user.client
    made = [
        await mine.post("/posts", json={"boardType": "QNA", "title": "제목", "content": "본문"}),
        await mine.post("/reviews", json={"partId": 12, "rating": 4, "content": "좋습니다"}),
        await mine.post("/builds", json={"name": "비공개", "parts": [{"partId": 1}]}),
        await mine.post("/favorites/parts/3"),
        await mine.post("/prices/alerts", json={"partId": 3, "targetPrice": 1000}),
    ]
    assert [each.status_code for each in made] == [201, 201, 201, 201, 200]

    async def only(name: str) -> dict[str, Any]:
        page = (await mine.get(f"/users/me/{name}")).json()["data"]
        assert (page["totalElements"], len(page["content"])) == (1, 1)
        return dict(page["content"][0])

    post, review = await only("posts"), await only("reviews")
    assert (post["title"], post["authorId"], post["authorNickname"]) == ("제목", user.id, user.nickname)
    assert (review["partId"], review["rating"], review["authorId"]) == (12, 4, user.id)
    assert (await only("builds"))["isPublic"] is False
    assert (await only("favorites"))["partId"] == 3
    alert = await only("alerts")
    assert (alert["partId"], alert["targetPrice"], alert["active"], alert["triggered"]) == (3, 1000, True, False)
    # The same shapes as in the public lists.
    public = (await client.get(f"/posts/{post['id']}")).json()["data"]
    assert post.keys() <= public.keys()
    assert review.keys() == (await client.get(f"/reviews/{review['id']}")).json()["data"].keys()


# Withdrawal


async def test_withdrawal(client: httpx.AsyncClient, state: AppState) -> None:
    account = await signup(client)
    me = (await profile(client, account.tokens)).json()["data"]
    headers = bearer(account.tokens)
    post = {"boardType": "FREE", "title": "남는 글", "content": "본문"}
    post_id = (await client.post("/posts", json=post, headers=headers)).json()["data"]["id"]
    await client.post("/favorites/parts/3", headers=headers)
    await client.post("/prices/alerts", json={"partId": 3, "targetPrice": 1000}, headers=headers)
    await client.patch("/users/me", json={"profileImageUrl": "https://example.com/me.png"}, headers=headers)
    assert (await client.get(f"/posts/{post_id}")).json()["data"]["authorNickname"] == account.nickname

    response = await client.delete("/users/me", headers=headers)
    assert response.status_code == 200
    assert "data" not in response.json()
    # Tokens end.
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    assert said(await login(client, account.email)) == (401, "JIUCOM-A005")

    # Posts and comments stay under another name; the backlog updates the caches.
    async def renamed() -> bool:
        return bool((await client.get(f"/posts/{post_id}")).json()["data"]["authorNickname"] == "탈퇴한 사용자")

    await eventually(renamed)
    # Nothing personal is left.
    async with state.db.read() as session:
        row = (await session.fetch_rows("SELECT * FROM users WHERE id = %s", (me["id"],)))[0]
        for table in ("favorites", "price_alerts", "notifications", "account_tokens"):
            assert not await session.fetch_rows(f"SELECT id FROM {table} WHERE user_id = %s", (me["id"],))  # noqa: S608
    for personal in (account.email, account.nickname, "https://example.com/me.png", "bcrypt"):
        assert personal not in str(row)
    # Address and name are free again.
    body = {"email": account.email, "password": PASSWORD, "nickname": account.nickname}
    again = await client.post("/auth/signup", json=body)
    assert again.status_code == 201
    assert (await profile(client, again.json()["data"])).json()["data"]["id"] != me["id"]


async def test_withdrawal_takes_name_and_words_out_of_the_audit_log(
    client: httpx.AsyncClient, admin: User, state: AppState
) -> None:
    """Texts in audit records are removed; the records stay."""
    people = [await signup(client) for _ in range(2)]
    for account in people:
        headers = bearer(account.tokens)
        post = {"boardType": "FREE", "title": "사라질 제목", "content": "사라질 본문"}
        post_id = (await client.post("/posts", json=post, headers=headers)).json()["data"]["id"]
        comment = await client.post(f"/posts/{post_id}/comments", json={"content": "사라질 댓글"}, headers=headers)
        review = {"partId": 3, "rating": 1, "content": "사라질 리뷰"}
        review_id = (await client.post("/reviews", json=review, headers=headers)).json()["data"]["id"]
        for path in (f"reviews/{review_id}", f"comments/{comment.json()['data']['id']}", f"posts/{post_id}"):
            assert (await admin.client.delete(f"/admin/{path}")).status_code == 200
    gone, stays = people

    async def mentions(account: Account) -> int:
        sql = "SELECT COUNT(*) FROM audit_log WHERE before_state LIKE %s AND before_state LIKE '%%사라질%%'"
        async with state.db.read() as session:
            return int(await session.fetch_value(sql, (f"%{account.nickname}%",)))

    async def entries() -> list[dict[str, Any]]:
        found = (await admin.client.get("/admin/audit", params={"actorId": admin.id, "size": 100})).json()["data"]
        return list(found["content"])

    assert (await mentions(gone), await mentions(stays)) == (3, 3)
    before = await entries()
    assert (await client.delete("/users/me", headers=bearer(gone.tokens))).status_code == 200
    assert (await mentions(gone), await mentions(stays)) == (0, 3)
    words = {"title", "content", "authorNickname"}
    for was, now in zip(before, await entries(), strict=True):
        assert was | {"before": None} == now | {"before": None}
        kept = set(was["before"]) - (set() if was["before"]["authorNickname"] == stays.nickname else words)
        assert now["before"] == {key: was["before"][key] for key in was["before"] if key in kept}


async def test_withdrawal_keeps_mails_to_similar_addresses(client: httpx.AsyncClient, state: AppState) -> None:
    unique = secrets.token_hex(4)
    mine, other = f"jose-{unique}@example.com", f"josé-{unique}@example.com"
    variables = {"partName": "RTX", "currentPrice": 1, "targetPrice": 1}
    async with state.db.transaction() as tx:
        for address in (mine, other):
            await enqueue(tx, address, "price-alert", variables)
    body = {"email": mine, "password": PASSWORD, "nickname": unique}
    tokens = (await client.post("/auth/signup", json=body)).json()["data"]
    assert (await client.delete("/users/me", headers=bearer(tokens))).status_code == 200
    async with state.db.read() as session:
        rows = await session.fetch_rows("SELECT recipient FROM mail_outbox WHERE recipient IN (%s, %s)", (mine, other))
    assert list(rows) == [(other,)]


async def test_withdrawals_at_once(client: httpx.AsyncClient, state: AppState) -> None:
    account = await signup(client)
    answers = await asyncio.gather(*(client.delete("/users/me", headers=bearer(account.tokens)) for _ in range(3)))
    # The others were authenticated before the first commit (U001), or after it (A004).
    outcomes = sorted((answer.status_code, answer.json().get("code")) for answer in answers)
    assert outcomes[0] == (200, None)
    assert set(outcomes[1:]) <= {(404, "JIUCOM-U001"), (401, "JIUCOM-A004")}
    async with state.db.read() as session:
        assert await session.fetch_value("SELECT COUNT(*) FROM users WHERE email = %s", (account.email,)) == 0
