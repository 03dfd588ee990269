"""/admin/users and /admin/audit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest

from jiucom import audit
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import bearer, login, profile, refresh, said, signup
from testing.clients import User, client_of, started, state_of
from testing.waiting import eventually

pytestmark = pytest.mark.anyio

OPERATIONS = [
    ("GET", "/admin/users", None),
    ("PUT", "/admin/users/1/status", {"status": "SUSPENDED"}),
    ("PUT", "/admin/users/1/role", {"role": "USER"}),
    ("GET", "/admin/audit", None),
]


@pytest.mark.parametrize(("method", "path", "body"), OPERATIONS)
async def test_only_administrators(
    client: httpx.AsyncClient, user: User, method: str, path: str, body: dict[str, str] | None
) -> None:
    assert said(await client.request(method, path, json=body)) == (401, "JIUCOM-A001")
    assert said(await user.client.request(method, path, json=body)) == (403, "JIUCOM-A002")


async def _status(admin: User, user_id: int, status: str) -> httpx.Response:
    return await admin.client.put(f"/admin/users/{user_id}/status", json={"status": status})


async def _role(admin: User, user_id: int, role: str) -> httpx.Response:
    return await admin.client.put(f"/admin/users/{user_id}/role", json={"role": role})


# List


async def test_list(admin: User, user: User) -> None:
    page = (await admin.client.get("/admin/users?size=5")).json()["data"]
    assert page["size"] == 5
    assert page["totalElements"] >= 6
    first = page["content"][0]
    assert list(first) == ["id", "email", "nickname", "role", "status", "emailVerifiedAt", "createdAt"]
    # Newest first.
    assert {first["id"], page["content"][1]["id"]} == {admin.id, user.id}
    whole = (await admin.client.get("/admin/users?size=100")).json()["data"]["content"]
    times = [(each["createdAt"], each["id"]) for each in whole]
    assert times == sorted(times, reverse=True)


async def test_list_filters(admin: User, user: User) -> None:
    async def found(**query: Any) -> list[int]:
        page = (await admin.client.get("/admin/users", params={"size": 100, **query})).json()["data"]
        assert page["totalElements"] == len(page["content"])
        return [each["id"] for each in page["content"]]

    assert await found(keyword=user.email[:12]) == [user.id]
    assert await found(keyword=user.nickname.upper()) == [user.id]
    assert await found(keyword=admin.email, role="ADMIN") == [admin.id]
    assert await found(keyword=user.email, role="ADMIN") == []
    await _status(admin, user.id, "SUSPENDED")
    assert await found(keyword=user.email, status="SUSPENDED") == [user.id]
    assert await found(keyword=user.email, status="ACTIVE") == []
    for literal in ("%", "_", "!", "\\"):
        assert await found(keyword=f"{literal}없음") == []
    assert await found(keyword="%") == []


@pytest.mark.parametrize("query", ["role=KING", "status=GONE", "size=0", "size=101", f"keyword={'x' * 101}"])
async def test_list_validates(admin: User, query: str) -> None:
    assert said(await admin.client.get(f"/admin/users?{query}")) == (400, "JIUCOM-401")


# Status


async def test_suspension_ends_tokens_and_refuses_logins(admin: User, client: httpx.AsyncClient) -> None:
    account = await signup(client)
    user_id = (await profile(client, account.tokens)).json()["data"]["id"]
    response = await _status(admin, user_id, "SUSPENDED")
    assert (response.status_code, response.json()["data"]["status"]) == (200, "SUSPENDED")
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    assert said(await login(client, account.email)) == (403, "JIUCOM-A002")
    # Without the right password the answer does not tell.
    assert said(await login(client, account.email, "wrong-password")) == (401, "JIUCOM-A005")
    assert (await _status(admin, user_id, "ACTIVE")).status_code == 200
    # Old logins stay ended.
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    assert (await login(client, account.email)).status_code == 200


async def test_suspension_and_role_act_on_every_replica(
    admin: User, user: User, client: httpx.AsyncClient, database: Settings
) -> None:
    """Within a second."""
    async with started(database) as replica, client_of(replica, user.token) as there:
        await eventually(lambda: state_of(replica).accounts.listening)
        assert (await there.get("/users/me")).status_code == 200
        assert (await there.get("/admin/users")).status_code == 403
        await _role(admin, user.id, "ADMIN")
        await eventually(lambda: _answers(there, "/admin/users", 200), 1)
        await _role(admin, user.id, "USER")
        await eventually(lambda: _answers(there, "/admin/users", 403), 1)
        await _status(admin, user.id, "SUSPENDED")
        await eventually(lambda: _answers(there, "/users/me", 401), 1)


async def _answers(client: httpx.AsyncClient, path: str, status: int) -> bool:
    return (await client.get(path)).status_code == status


@pytest.mark.parametrize("body", [{}, {"status": "WITHDRAWN"}, {"status": "active"}, {"status": None}])
async def test_status_validates(admin: User, user: User, body: dict[str, Any]) -> None:
    response = await admin.client.put(f"/admin/users/{user.id}/status", json=body)
    assert said(response) == (400, "JIUCOM-401")
    assert [error["field"] for error in response.json()["errors"]] == ["status"]


@pytest.mark.parametrize("body", [{}, {"role": "KING"}, {"role": 1}])
async def test_role_validates(admin: User, user: User, body: dict[str, Any]) -> None:
    assert said(await admin.client.put(f"/admin/users/{user.id}/role", json=body)) == (400, "JIUCOM-401")


async def test_unknown_users(admin: User, client: httpx.AsyncClient) -> None:
    gone = await signup(client)
    gone_id = (await profile(client, gone.tokens)).json()["data"]["id"]
    await client.delete("/users/me", headers=bearer(gone.tokens))
    for user_id in (0, 999_999_999, gone_id):
        assert said(await _status(admin, user_id, "SUSPENDED")) == (404, "JIUCOM-U001")
        assert said(await _role(admin, user_id, "ADMIN")) == (404, "JIUCOM-U001")
    assert said(await admin.client.put("/admin/users/x/role", json={"role": "USER"})) == (400, "JIUCOM-401")


# The last administrator


@pytest.fixture
async def alone(state: AppState, make_user: Callable[..., Awaitable[User]]) -> AsyncIterator[list[User]]:
    """Two administrators, and no others for the time of the test."""
    pair = [await make_user("ADMIN"), await make_user("ADMIN")]
    async with state.db.transaction() as tx:
        others = [
            row[0]
            for row in await tx.fetch_rows(
                "SELECT id FROM users WHERE role = 'ADMIN' AND id NOT IN (%s, %s)", (pair[0].id, pair[1].id)
            )
        ]
        await tx.execute_many("UPDATE users SET role = 'USER' WHERE id = %s", [(each,) for each in others])
    yield pair
    async with state.db.transaction() as tx:
        await tx.execute_many("UPDATE users SET role = 'ADMIN' WHERE id = %s", [(each,) for each in others])


async def test_last_administrator_stays(alone: list[User]) -> None:
    one, other = alone
    assert (await _role(one, other.id, "USER")).status_code == 200
    assert said(await _role(one, one.id, "USER")) == (409, "JIUCOM-409")
    assert said(await _role(one, one.id, "SELLER")) == (409, "JIUCOM-409")
    assert said(await _status(one, one.id, "SUSPENDED")) == (409, "JIUCOM-409")
    assert said(await one.client.delete("/users/me")) == (409, "JIUCOM-409")
    # Suspended administrators do not count.
    assert (await _role(one, other.id, "ADMIN")).status_code == 200
    assert (await _status(one, other.id, "SUSPENDED")).status_code == 200
    assert said(await one.client.delete("/users/me")) == (409, "JIUCOM-409")


async def test_administrators_leaving_at_once_leave_one(alone: list[User], state: AppState) -> None:
    one, other = alone
    answers = await asyncio.gather(
        one.client.delete("/users/me"), _role(other, other.id, "USER"), _status(one, other.id, "SUSPENDED")
    )
    left_one, left_other, suspended_other = (answer.status_code == 200 for answer in answers)
    # The order decides which administrator is removed. The second request is refused: it is about the last administrator, or its
    # sender is no administrator any more.
    assert left_one != (left_other or suspended_other)
    outcomes = {said(answer) for answer in answers if answer.status_code != 200}
    assert outcomes <= {(401, "JIUCOM-A004"), (403, "JIUCOM-A002"), (404, "JIUCOM-U001"), (409, "JIUCOM-409")}
    async with state.db.read() as session:
        left = await session.fetch_value(
            "SELECT COUNT(*) FROM users WHERE role = 'ADMIN' AND status = 'ACTIVE' AND NOT is_deleted"
        )
    assert left == 1


# Audit


async def test_changes_by_administrators_are_in_the_audit_log(admin: User, user: User) -> None:
    await _role(admin, user.id, "SELLER")
    # Nothing changes: nothing to write.
    await _role(admin, user.id, "SELLER")
    await _status(admin, user.id, "SUSPENDED")
    query = f"targetType=USER&targetId={user.id}&actorId={admin.id}"
    page = (await admin.client.get(f"/admin/audit?{query}")).json()["data"]
    assert page["totalElements"] == 2
    status, role = page["content"]
    assert list(role) == [
        "id", "actorId", "actorNickname", "action", "targetType", "targetId", "before", "after", "address", "createdAt",
    ]  # fmt: skip
    assert (role["action"], role["before"], role["after"]) == (
        "USER_ROLE_CHANGED",
        {"role": "USER"},
        {"role": "SELLER"},
    )
    assert (status["action"], status["after"]) == ("USER_STATUS_CHANGED", {"status": "SUSPENDED"})
    assert (role["actorNickname"], role["address"]) == (admin.nickname, "127.0.0.1")
    only = (await admin.client.get(f"/admin/audit?{query}&action=USER_ROLE_CHANGED")).json()["data"]["content"]
    assert [each["id"] for each in only] == [role["id"]]


async def test_audit_rows_are_rolled_back_with_their_transaction(admin: User, state: AppState) -> None:
    async def fail(tx: Any) -> None:
        await audit.record(tx, None, "ROLLED_BACK", "TEST", 1, None, None, None)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await state.db.write(fail)
    async with state.db.transaction() as tx:
        await audit.record(tx, None, "COMMAND_LINE", "TEST", None, None, {"name": "값"}, None)
    entries = (await admin.client.get("/admin/audit?targetType=TEST")).json()["data"]["content"]
    assert [each["action"] for each in entries] == ["COMMAND_LINE"]
    assert (entries[0]["actorId"], entries[0]["actorNickname"], entries[0]["before"]) == (None, None, None)
    assert entries[0]["after"] == {"name": "값"}


@pytest.mark.parametrize("query", ["actorId=x", "size=101", f"action={'x' * 51}", "targetId=9223372036854775808"])
async def test_audit_validates(admin: User, query: str) -> None:
    assert said(await admin.client.get(f"/admin/audit?{query}")) == (400, "JIUCOM-401")
