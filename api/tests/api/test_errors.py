"""Mistakes of clients are 4xx in one shape, whatever is wrong."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from jiucom.auth.tokens import Tokens
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.clients import User, client_of

pytestmark = pytest.mark.anyio

LOGGER = "/actuator/loggers/jiucom"


def code(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert body["success"] is False
    assert set(body) <= {"success", "code", "message", "timestamp", "errors"}
    assert body["timestamp"].endswith("+09:00")
    assert "data" not in body
    return response.status_code, body["code"]


@pytest.mark.parametrize("path", ["/nothing", "/parts/1/nothing", "/parts/", "/partsx", "/", "//", "/parts//1"])
async def test_unknown_route(client: httpx.AsyncClient, path: str) -> None:
    assert code(await client.get(path)) == (404, "JIUCOM-404")


async def test_outside_the_context_path(client: httpx.AsyncClient) -> None:
    assert code(await client.get("http://testserver/parts")) == (404, "JIUCOM-404")


async def test_wrong_method_names_the_right_ones(client: httpx.AsyncClient) -> None:
    response = await client.post("/parts")
    assert code(response) == (405, "JIUCOM-405")
    assert response.headers["allow"] == "GET, HEAD"


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    response = await client.head("/parts")
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("content", "content_type", "expected"),
    [
        (b"", "application/json", (400, "JIUCOM-400")),
        (b"{", "application/json", (400, "JIUCOM-400")),
        (b"[" * 60_000, "application/json", (400, "JIUCOM-400")),
        (b'{"configuredLevel":"\xff"}', "application/json", (400, "JIUCOM-400")),
        (b'{"configuredLevel":"\\ud800"}', "application/json", (400, "JIUCOM-400")),
        (b'{"configuredLevel":1e999}', "application/json", (400, "JIUCOM-400")),
        (b'{"configuredLevel":"\\u0000"}', "application/json", (400, "JIUCOM-401")),
        (b'{"configuredLevel":18446744073709551616}', "application/json", (400, "JIUCOM-401")),
        (b'{"configuredLevel":"info"}', "application/json", (400, "JIUCOM-401")),
        (b"[]", "application/json", (400, "JIUCOM-401")),
        (b"null", "application/json", (400, "JIUCOM-401")),
        (b"{}", "text/plain", (415, "JIUCOM-415")),
        (b"{}", "", (415, "JIUCOM-415")),
        (b"{}", "application/json; charset=euc-kr", (415, "JIUCOM-415")),
        (b'{"configuredLevel":"' + b"x" * 1024 * 1024 + b'"}', "application/json", (413, "JIUCOM-413")),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_bad_bodies(admin: User, content: bytes, content_type: str, expected: tuple[int, str]) -> None:
    response = await admin.client.post(LOGGER, content=content, headers={"Content-Type": content_type})
    assert code(response) == expected


@pytest.mark.parametrize("depth", [65, 600, 900, 9_000])
@pytest.mark.parametrize("around", ["[{}]", '{"x":{}}', '{"refreshToken":{}}'])
async def test_nested_bodies_are_refused(client: httpx.AsyncClient, depth: int, around: str) -> None:
    """Whole JSON, unlike the brackets that are never closed above, and as deep as fits into a body."""
    before, after = around.split("{}")
    body = (before + "[" * depth + "]" * depth + after).encode()
    response = await client.post("/auth/logout", content=body, headers={"Content-Type": "application/json"})
    assert code(response)[0] == 400
    assert len(response.content) < 1024


async def test_a_list_that_is_too_long_is_one_problem(client: httpx.AsyncClient) -> None:
    response = await client.post("/builds/check", json={"parts": [{}] * 12_000})
    assert code(response) == (400, "JIUCOM-401")
    assert response.json()["errors"] == [{"field": "parts", "message": "길이는 100 이하여야 합니다"}]


async def test_answers_to_many_mistakes_are_short(client: httpx.AsyncClient) -> None:
    response = await client.post("/builds/check", json={"parts": [{"quantity": []}] * 100})
    assert code(response) == (400, "JIUCOM-401")
    assert len(response.json()["errors"]) == 100
    assert len(response.content) < 64 * 1024


@pytest.mark.parametrize(("size", "expected"), [(64 * 1024, 400), (64 * 1024 + 1, 413)])
async def test_bodies_are_64_kilobytes_at_most(client: httpx.AsyncClient, size: int, expected: int) -> None:
    response = await client.post("/builds/check", content=b" " * size, headers={"Content-Type": "application/json"})
    assert code(response)[0] == expected


@pytest.mark.parametrize(("size", "expected"), [(8 * 1024, 200), (8 * 1024 + 1, 400)])
async def test_queries_are_8_kilobytes_at_most(client: httpx.AsyncClient, size: int, expected: int) -> None:
    assert (await client.get("/parts?" + "&" * size)).status_code == expected


async def test_too_large_without_a_length(admin: User) -> None:
    async def chunks() -> object:
        for _ in range(20):
            yield b" " * 100_000

    response = await admin.client.post(LOGGER, content=chunks(), headers={"Content-Type": "application/json"})  # type: ignore[arg-type]
    assert code(response) == (413, "JIUCOM-413")


async def test_unknown_fields_are_ignored(admin: User) -> None:
    response = await admin.client.post(LOGGER, json={"configuredLevel": None, "more": [1, {"x": None}]})
    assert response.status_code == 200
    assert set(response.json()) == {"success", "message", "timestamp"}


@pytest.mark.parametrize(("role", "expected"), [("USER", 403), ("SELLER", 403), ("ADMIN", 200)])
async def test_roles(make_user: Callable[..., Awaitable[User]], role: str, expected: int) -> None:
    someone = await make_user(role)
    response = await someone.client.post(LOGGER, json={"configuredLevel": None})
    assert response.status_code == expected
    if expected == 403:
        assert code(response) == (403, "JIUCOM-A002")


async def test_requests_without_a_token_are_401(client: httpx.AsyncClient) -> None:
    assert code(await client.post(LOGGER, json={"configuredLevel": None})) == (401, "JIUCOM-A001")


async def test_bad_tokens_are_401_on_public_paths_too(
    client: httpx.AsyncClient, user: User, state: AppState, changed: Callable[..., Settings]
) -> None:
    # Whole seconds: less than one is none.
    expired = Tokens(changed(jwt_access_validity=1)).access(user.id, "USER")
    refresh = state.tokens.refresh(user.id, "0" * 32, "0" * 32, 1, 2**32)
    head, payload, signature = user.token.split(".")
    cases = {
        expired: "JIUCOM-A003",
        refresh: "JIUCOM-A004",
        f"{head}.{payload}.{signature[::-1]}": "JIUCOM-A004",
        "x": "JIUCOM-A004",
        "": "JIUCOM-A004",
        state.tokens.access(2**62, "ADMIN"): "JIUCOM-A004",
    }
    for token, expected in cases.items():
        for path in ("/parts", "/parts/1", "/nothing"):
            response = await client.get(path, headers={"Authorization": f"Bearer {token}"})
            assert code(response) == (401, expected), (token, path)
    basic = await client.get("/parts", headers={"Authorization": "Basic eDp5"})
    assert basic.status_code == 200


async def test_role_and_status_are_the_accounts_own(state: AppState, user: User) -> None:
    """The token's role is not believed; a change acts at once on this replica."""
    forged = state.tokens.access(user.id, "ADMIN")
    async with client_of_state(user, forged) as client:
        assert (await client.post(LOGGER, json={})).status_code == 403
        async with state.db.transaction() as session:
            await session.execute("UPDATE users SET role = 'ADMIN' WHERE id = %s", (user.id,))
            state.accounts.changed(session, user.id)
        assert (await client.post(LOGGER, json={})).status_code == 200
        async with state.db.transaction() as session:
            await session.execute("UPDATE users SET status = 'SUSPENDED' WHERE id = %s", (user.id,))
            state.accounts.changed(session, user.id)
        assert code(await client.get("/parts")) == (401, "JIUCOM-A004")


def client_of_state(user: User, token: str) -> httpx.AsyncClient:
    transport = user.client._transport
    assert isinstance(transport, httpx.ASGITransport)
    return client_of(transport.app, token)  # type: ignore[arg-type]


async def test_success_has_no_error_keys(client: httpx.AsyncClient) -> None:
    response = await client.get("/parts/categories")
    assert list(response.json()) == ["success", "message", "data", "timestamp"]
    assert response.headers["content-type"] == "application/json"
