"""An expired or invalid bearer token does not prevent getting a new one."""

from collections.abc import Callable

import httpx
import pytest
from msgspec.structs import replace

from jiucom.auth.tokens import Tokens
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import PASSWORD, Account, login, profile, refresh, said, signup

pytestmark = pytest.mark.anyio

BAD = ["expired", "broken", "a refresh token", "of an ended login", "of nobody", ""]


@pytest.fixture
async def account(client: httpx.AsyncClient) -> Account:
    return await signup(client)


@pytest.fixture
async def bearer_of(client: httpx.AsyncClient, account: Account, state: AppState) -> Callable[[str], str]:
    """`bearer_of("expired")`: a header of that kind, of the account where it is of one."""
    ended = (await login(client, account.email)).json()["data"]
    await client.post("/auth/logout", json={"refreshToken": ended["refreshToken"]})
    tokens = {
        "expired": expired(state, account),
        "broken": "x.y.z",
        "a refresh token": account.tokens["refreshToken"],
        "of an ended login": ended["accessToken"],
        "of nobody": state.tokens.access(2**62, "ADMIN"),
        "": "",
    }
    return lambda kind: f"Bearer {tokens[kind]}"


def expired(state: AppState, account: Account) -> str:
    """The account's access token as it is an hour later."""
    claims = state.tokens.verify(account.tokens["accessToken"], "access")
    # Whole seconds: less than one is none.
    settings: Settings = replace(state.settings, jwt_access_validity=1)
    return Tokens(settings).access(claims.user_id, claims.role, claims.family)


@pytest.mark.parametrize("kind", BAD)
async def test_refresh(client: httpx.AsyncClient, account: Account, bearer_of: Callable[[str], str], kind: str) -> None:
    body = {"refreshToken": account.tokens["refreshToken"]}
    answer = await client.post("/auth/refresh", json=body, headers={"Authorization": bearer_of(kind)})
    assert answer.status_code == 200
    assert (await profile(client, answer.json()["data"])).status_code == 200


@pytest.mark.parametrize("kind", BAD)
async def test_logout_by_refresh_token(
    client: httpx.AsyncClient, account: Account, bearer_of: Callable[[str], str], kind: str
) -> None:
    body = {"refreshToken": account.tokens["refreshToken"]}
    answer = await client.post("/auth/logout", json=body, headers={"Authorization": bearer_of(kind)})
    assert answer.status_code == 200
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")


async def test_logout_by_an_expired_bearer_alone(client: httpx.AsyncClient, account: Account, state: AppState) -> None:
    other = (await login(client, account.email)).json()["data"]
    header = {"Authorization": f"Bearer {expired(state, account)}"}
    assert (await client.post("/auth/logout", headers=header)).status_code == 200
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert (await refresh(client, other["refreshToken"])).status_code == 200


@pytest.mark.parametrize("kind", ["broken", "a refresh token", ""])
async def test_logout_refuses_other_tokens(
    client: httpx.AsyncClient, account: Account, bearer_of: Callable[[str], str], kind: str
) -> None:
    answer = await client.post("/auth/logout", headers={"Authorization": bearer_of(kind)})
    assert said(answer) == (401, "JIUCOM-A004")
    assert (await profile(client, account.tokens)).status_code == 200


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/auth/login", {"password": PASSWORD}, 200),
        ("/auth/signup", {"password": PASSWORD, "nickname": "누군가"}, 409),
        ("/auth/password/reset-request", {}, 200),
        ("/auth/password/reset", {"token": "x", "newPassword": PASSWORD}, 400),
    ],
)
async def test_public_auth_paths_ignore_a_bad_bearer(
    client: httpx.AsyncClient,
    account: Account,
    bearer_of: Callable[[str], str],
    kind: str,
    path: str,
    body: dict[str, str],
    status: int,
) -> None:
    header = {"Authorization": bearer_of(kind)}
    assert (await client.post(path, json={"email": account.email, **body}, headers=header)).status_code == status


@pytest.mark.parametrize("path", ["/auth/email/verify-request", "/auth/email/verify", "/users/me", "/parts"])
async def test_other_paths_refuse_a_bad_bearer(
    client: httpx.AsyncClient, bearer_of: Callable[[str], str], path: str
) -> None:
    method = "POST" if path.startswith("/auth") else "GET"
    for kind in BAD:
        answer = await client.request(method, path, json={"code": "x"}, headers={"Authorization": bearer_of(kind)})
        assert said(answer) == (401, "JIUCOM-A003" if kind == "expired" else "JIUCOM-A004")


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEaReR", "Bearer "])
async def test_the_scheme_may_be_written_in_any_case(client: httpx.AsyncClient, account: Account, scheme: str) -> None:
    header = {"Authorization": f"{scheme} {account.tokens['accessToken']}"}
    assert (await client.get("/users/me", headers=header)).status_code == 200
    assert (await client.post("/auth/logout", headers=header)).status_code == 200
    assert (await client.get("/users/me", headers=header)).status_code == 401


@pytest.mark.parametrize("header", ["Basic eDp5", "Bearer", "Bearerx", "token"])
async def test_other_schemes_count_as_no_token(client: httpx.AsyncClient, header: str) -> None:
    assert (await client.get("/parts", headers={"Authorization": header})).status_code == 200
    assert said(await client.post("/auth/logout", headers={"Authorization": header})) == (401, "JIUCOM-A001")
