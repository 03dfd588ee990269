"""Notifications over REST."""

from typing import Any

import httpx
import pytest

from jiucom.domains.notifications.announce import announce
from jiucom.state import AppState
from testing.clients import User

pytestmark = pytest.mark.anyio


async def tell(state: AppState, user: User, title: str = "제목", link: str | None = "/posts/12", **more: str) -> bool:
    async with state.db.transaction() as tx:
        return await announce(tx, user.id, "COMMENT_REPLY", title, "내용", link, **more)


async def listed(user: User, **query: int) -> dict[str, Any]:
    response = await user.client.get("/notifications", params=query)
    assert response.status_code == 200
    data: dict[str, Any] = response.json()["data"]
    return data


async def test_list_newest_first_in_pages(state: AppState, user: User) -> None:
    for number in range(3):
        await tell(state, user, f"알림 {number}")
    first = await listed(user, page=0, size=2)
    assert [each["title"] for each in first["content"]] == ["알림 2", "알림 1"]
    assert (first["totalElements"], first["totalPages"], first["number"], first["last"]) == (3, 2, 0, False)
    second = await listed(user, page=1, size=2)
    assert [each["title"] for each in second["content"]] == ["알림 0"]
    assert (await listed(user, page=9, size=2))["content"] == []


async def test_shape(state: AppState, user: User) -> None:
    await tell(state, user)
    (found,) = (await listed(user))["content"]
    assert found.keys() == {"id", "type", "title", "message", "linkUrl", "referenceId", "read", "createdAt"}
    assert (found["type"], found["linkUrl"], found["referenceId"], found["read"]) == (
        "COMMENT_REPLY",
        "/posts/12",
        12,
        False,
    )
    assert found["createdAt"].endswith("+09:00")


@pytest.mark.parametrize(("link", "reference"), [(None, None), ("/posts", None), ("/posts/3#comment-77", 77)])
async def test_reference_is_the_id_at_the_end(
    state: AppState, user: User, link: str | None, reference: int | None
) -> None:
    await tell(state, user, link=link)
    (found,) = (await listed(user))["content"]
    assert found["referenceId"] == reference


async def test_the_same_event_is_told_once(state: AppState, user: User) -> None:
    assert await tell(state, user, dedup_key=f"TEST:{user.id}")
    assert not await tell(state, user, dedup_key=f"TEST:{user.id}")
    assert (await listed(user))["totalElements"] == 1


async def test_long_texts_are_cut(state: AppState, user: User) -> None:
    await tell(state, user, "가" * 300)
    (found,) = (await listed(user))["content"]
    assert found["title"] == "가" * 199 + "…"


async def test_unread_count_and_read(state: AppState, user: User) -> None:
    await tell(state, user)
    await tell(state, user)
    assert (await user.client.get("/notifications/unread-count")).json()["data"] == {"unreadCount": 2, "count": 2}
    one = (await listed(user))["content"][0]["id"]
    response = await user.client.patch(f"/notifications/{one}/read")
    assert response.status_code == 200
    assert (response.json()["data"]["id"], response.json()["data"]["read"]) == (one, True)
    assert (await user.client.patch(f"/notifications/{one}/read")).status_code == 200
    assert (await user.client.get("/notifications/unread-count")).json()["data"]["count"] == 1


@pytest.mark.parametrize("path", ["/notifications/read-all", "/notifications/read"])
async def test_read_all(state: AppState, user: User, admin: User, path: str) -> None:
    for each in (user, user, admin):
        await tell(state, each)
    response = await user.client.patch(path)
    assert response.status_code == 200
    assert "data" not in response.json()
    assert (await user.client.get("/notifications/unread-count")).json()["data"]["count"] == 0
    assert (await admin.client.get("/notifications/unread-count")).json()["data"]["count"] == 1


async def test_notifications_of_others_cannot_be_marked_or_listed(state: AppState, user: User, admin: User) -> None:
    await tell(state, user)
    (one,) = (await listed(user))["content"]
    response = await admin.client.patch(f"/notifications/{one['id']}/read")
    assert (response.status_code, response.json()["code"]) == (403, "JIUCOM-A002")
    assert (await listed(user))["content"][0]["read"] is False
    assert (await listed(admin))["content"] == []


async def test_unknown_and_wrong_ids(user: User) -> None:
    response = await user.client.patch("/notifications/999999999/read")
    assert (response.status_code, response.json()["code"]) == (404, "JIUCOM-N001")
    assert (await user.client.patch("/notifications/abc/read")).json()["errors"][0]["field"] == "notificationId"
    assert (await user.client.get("/notifications", params={"size": 101})).json()["errors"][0]["field"] == "size"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/notifications"),
        ("GET", "/notifications/unread-count"),
        ("PATCH", "/notifications/1/read"),
        ("PATCH", "/notifications/read-all"),
        ("PATCH", "/notifications/read"),
    ],
)
async def test_notifications_need_a_login(client: httpx.AsyncClient, method: str, path: str) -> None:
    response = await client.request(method, path)
    assert (response.status_code, response.json()["code"]) == (401, "JIUCOM-A001")
