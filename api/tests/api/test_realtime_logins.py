"""A STOMP session lives as long as the login of its token, and no longer."""

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from jiucom.auth.logins import Login, Logins
from jiucom.auth.tokens import Tokens
from jiucom.domains.notifications.announce import announce
from jiucom.errors import ApiError
from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import PASSWORD, Account, bearer, login, refresh, signup
from testing.clients import User
from testing.replica import Replica, replica
from testing.stomp import Stomp, stomp
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def server(database: Settings) -> AsyncIterator[Replica]:
    async with replica(database) as running:
        yield running


@pytest.fixture
async def account(client: httpx.AsyncClient) -> Account:
    return await signup(client)


@pytest.fixture
def logins(state: AppState) -> Logins:
    return Logins(state.db, state.tokens, state.accounts)


def expired(state: AppState, account: Account, tokens: dict[str, Any] | None = None) -> str:
    """An access token of the account's login, an hour later."""
    claims = state.tokens.verify((tokens or account.tokens)["accessToken"], "access")
    # Whole seconds: less than one is none.
    return Tokens(replace(state.settings, jwt_access_validity=1)).access(claims.user_id, claims.role, claims.family)


def user_id(state: AppState, account: Account) -> int:
    return state.tokens.identify(account.tokens["accessToken"]).user_id


async def hears(state: AppState, account: Account, client: Stomp) -> None:
    text = secrets.token_hex(4)
    async with state.db.transaction() as tx:
        await announce(tx, user_id(state, account), "SYSTEM", "제목", text, None)
    assert text in (await client.receive()).body.decode()


async def test_a_session_outlives_its_token(
    database: Settings, changed: Callable[..., Settings], state: AppState
) -> None:
    """Tokens of this replica live for two seconds; sessions are checked every five."""
    async with (
        replica(changed(jwt_access_validity=2000)) as brief,
        httpx.AsyncClient(base_url=brief.url) as client,
        stomp(brief.url) as mine,
    ):
        account = await signup(client)
        await mine.connect(account.tokens["accessToken"])
        await mine.subscribe()

        async def over() -> bool:
            return (await client.get("/users/me", headers=bearer(account.tokens))).status_code == 401

        await eventually(over)
        for _ in range(3):
            await asyncio.sleep(3)
            await hears(state, account, mine)


async def test_an_expired_token_of_a_valid_login_opens_a_session(
    server: Replica, state: AppState, account: Account
) -> None:
    async with stomp(server.url) as mine:
        assert (await mine.connect(expired(state, account))).command == "CONNECTED"
        await mine.subscribe()
        await hears(state, account, mine)


async def log_out(client: httpx.AsyncClient, state: AppState, account: Account) -> None:
    body = {"refreshToken": account.tokens["refreshToken"]}
    assert (await client.post("/auth/logout", json=body)).status_code == 200


async def withdraw(client: httpx.AsyncClient, state: AppState, account: Account) -> None:
    assert (await client.delete("/users/me", headers=bearer(account.tokens))).status_code == 200


async def set_another_password_elsewhere(client: httpx.AsyncClient, state: AppState, account: Account) -> None:
    elsewhere = (await login(client, account.email)).json()["data"]
    body = {"currentPassword": PASSWORD, "newPassword": "another-horse-9"}
    assert (await client.put("/users/me/password", json=body, headers=bearer(elsewhere))).status_code == 200


async def use_a_refresh_token_twice(client: httpx.AsyncClient, state: AppState, account: Account) -> None:
    token = account.tokens["refreshToken"]
    assert (await refresh(client, token)).status_code == 200
    async with state.db.transaction() as tx:
        sql = "UPDATE refresh_tokens SET used_at = used_at - INTERVAL 21 SECOND WHERE user_id = %s"
        await tx.execute(sql, (user_id(state, account),))
    assert (await refresh(client, token)).status_code == 401


async def _change(client: httpx.AsyncClient, state: AppState, account: Account, what: str, value: str) -> None:
    token = state.tokens.access(await _admin(state), "ADMIN")
    path = f"/admin/users/{user_id(state, account)}/{what}"
    answer = await client.put(path, json={what: value}, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


async def _admin(state: AppState) -> int:
    unique = secrets.token_hex(4)
    async with state.db.transaction() as tx:
        sql = "INSERT INTO users (email, nickname, role) VALUES (%s, %s, 'ADMIN')"
        return await tx.insert(sql, (f"{unique}@example.com", unique))


async def suspend(client: httpx.AsyncClient, state: AppState, account: Account) -> None:
    await _change(client, state, account, "status", "SUSPENDED")


async def change_the_role(client: httpx.AsyncClient, state: AppState, account: Account) -> None:
    await _change(client, state, account, "role", "SELLER")


ENDS = [log_out, withdraw, set_another_password_elsewhere, use_a_refresh_token_twice, suspend, change_the_role]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("came_with", ["a good token", "an expired one"])
async def test_sessions_end_with_their_login(
    server: Replica, client: httpx.AsyncClient, state: AppState, account: Account, end: Any, came_with: str
) -> None:
    token = account.tokens["accessToken"] if came_with == "a good token" else expired(state, account)
    other = await signup(client)
    async with stomp(server.url) as mine, stomp(server.url) as others:
        assert (await mine.connect(token)).command == "CONNECTED"
        await mine.subscribe()
        await others.connect(other.tokens["accessToken"])
        await others.subscribe()
        await end(client, state, account)
        error = await mine.receive()
        assert (error.command, error.headers["message"]) == ("ERROR", "JIUCOM-A004")
        assert await mine.closed() == 1008
        await hears(state, other, others)


@pytest.mark.parametrize("end", [each for each in ENDS if each is not change_the_role])
async def test_an_ended_login_opens_no_session(
    server: Replica, client: httpx.AsyncClient, state: AppState, account: Account, end: Any
) -> None:
    """However long ago it ended."""
    token = expired(state, account)
    await end(client, state, account)
    async with state.db.transaction() as tx:
        sql = "UPDATE refresh_tokens SET revoked_at = revoked_at - INTERVAL 1 DAY WHERE user_id = %s AND revoked_at IS NOT NULL"
        await tx.execute(sql, (user_id(state, account),))
    async with stomp(server.url) as mine:
        answer = await mine.connect(token)
        assert (answer.command, answer.headers["message"]) == ("ERROR", "JIUCOM-A004")


async def test_another_login_of_the_user_is_not_affected(
    server: Replica, client: httpx.AsyncClient, state: AppState, account: Account
) -> None:
    other = (await login(client, account.email)).json()["data"]
    async with stomp(server.url) as mine:
        await mine.connect(expired(state, account, other))
        await mine.subscribe()
        await log_out(client, state, account)
        await hears(state, account, mine)


async def test_invalid_tokens(server: Replica, state: AppState, account: Account, user: User) -> None:
    forged = Tokens(replace(state.settings, jwt_secret="x" * 64, jwt_access_validity=1))
    without_login = Tokens(replace(state.settings, jwt_access_validity=1)).access(user.id, "USER")
    family = state.tokens.verify(account.tokens["accessToken"], "access").family
    someone_else_s = Tokens(replace(state.settings, jwt_access_validity=1)).access(user.id, "USER", family)
    cases = {
        forged.access(user.id, "USER", family): "JIUCOM-A004",
        account.tokens["refreshToken"]: "JIUCOM-A004",
        someone_else_s: "JIUCOM-A004",
        without_login: "JIUCOM-A003",
    }
    for token, code in cases.items():
        async with stomp(server.url) as mine:
            assert (await mine.connect(token)).headers["message"] == code


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_scheme_is_case_insensitive(server: Replica, account: Account, scheme: str) -> None:
    async with stomp(server.url) as mine:
        await mine.send("CONNECT", accept_version="1.2", authorization=f"{scheme} {account.tokens['accessToken']}")
        assert (await mine.receive()).command == "CONNECTED"


# A login that expires, which is not announced.


async def _refresh_tokens(state: AppState, account: Account, sql: str) -> None:
    async with state.db.transaction() as tx:
        await tx.execute(f"UPDATE refresh_tokens SET {sql} WHERE user_id = %s", (user_id(state, account),))  # noqa: S608


async def _code(check: Any) -> str:
    with pytest.raises(ApiError) as caught:
        await check
    return caught.value.code


async def test_a_login_that_is_not_refreshed_ends(
    client: httpx.AsyncClient, state: AppState, account: Account, logins: Logins
) -> None:
    found = await logins.of_token(account.tokens["accessToken"])
    # So often the database is asked, and no more.
    assert time.time() < found.until <= time.time() + 60
    await _refresh_tokens(state, account, "expires_at = UTC_TIMESTAMP(6) - INTERVAL 1 SECOND")
    assert await logins.check(found) is found
    later = replace(found, until=time.time())
    assert await _code(logins.check(later)) == "JIUCOM-A003"
    assert await _code(logins.of_token(account.tokens["accessToken"])) == "JIUCOM-A003"


async def test_a_login_that_is_refreshed_goes_on(
    client: httpx.AsyncClient, state: AppState, account: Account, logins: Logins
) -> None:
    found = await logins.of_token(account.tokens["accessToken"])
    assert (await refresh(client, account.tokens["refreshToken"])).status_code == 200
    await _refresh_tokens(state, account, "expires_at = IF(used_at IS NULL, expires_at, UTC_TIMESTAMP(6))")
    looked_at: Login = await logins.check(replace(found, until=time.time()))
    assert looked_at.until > time.time()


async def test_a_missed_end_of_a_login_is_found(state: AppState, account: Account, logins: Logins) -> None:
    """The cached account holds only logins that ended within the lifetime of an access token."""
    found = await logins.of_token(account.tokens["accessToken"])
    await _refresh_tokens(state, account, "revoked_at = UTC_TIMESTAMP(6) - INTERVAL 1 DAY")
    assert await _code(logins.check(replace(found, until=time.time()))) == "JIUCOM-A004"
