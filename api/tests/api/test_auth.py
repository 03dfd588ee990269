"""/auth: sign-up, login, token families, logout."""

import asyncio
import os
import secrets
import statistics
import time
from typing import Any

import bcrypt
import httpx
import jwt
import pytest
from starlette.applications import Starlette

from jiucom.settings import Settings
from jiucom.state import AppState
from testing.accounts import PASSWORD, bearer, login, profile, refresh, said, signup
from testing.clients import client_of, started, state_of
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


async def _set_hash(state: AppState, email: str, hashed: str | None) -> None:
    async with state.db.transaction() as tx:
        assert await tx.execute("UPDATE users SET password = %s WHERE living_email = %s", (hashed, email))


async def _hash_of(state: AppState, email: str) -> str:
    async with state.db.read() as session:
        return str(await session.fetch_value("SELECT password FROM users WHERE living_email = %s", (email,)))


def _old_hash(password: str) -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(10, prefix=b"2a")).decode()


# Sign-up


async def test_signup_answers_tokens_that_work(client: httpx.AsyncClient, state: AppState) -> None:
    account = await signup(client)
    assert list(account.tokens) == ["accessToken", "refreshToken", "tokenType", "expiresIn"]
    assert (account.tokens["tokenType"], account.tokens["expiresIn"]) == ("Bearer", 3600)
    me = (await profile(client, account.tokens)).json()["data"]
    assert (me["email"], me["nickname"], me["role"]) == (account.email, account.nickname, "USER")
    assert await _hash_of(state, account.email) != PASSWORD


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "nobody"}, "email"),
        ({"email": "a b@example.com"}, "email"),
        ({"email": "a@example.com\n"}, "email"),
        ({"email": "a@example.com,b@example.com"}, "email"),
        ({"email": "x" * 95 + "@x.com"}, "email"),
        # In NFKC one character becomes four, and the other one a comma.
        ({"email": "㌀" * 30 + "@x.com"}, "email"),
        ({"email": "a@example.com，b"}, "email"),
        ({"email": "some\u200bbody@example.com"}, "email"),
        ({"email": "some\u00adbody@example.com"}, "email"),
        ({"email": "somebody\ufe0f@example.com"}, "email"),
        ({"email": None}, "email"),
        ({"email": 1}, "email"),
        ({"password": "short"}, "password"),
        ({"password": " " * 8}, "password"),
        ({"password": "x" * 51}, "password"),
        ({"nickname": "가"}, "nickname"),
        ({"nickname": "가" * 31}, "nickname"),
        ({"nickname": "   "}, "nickname"),
    ],
)
async def test_signup_names_the_wrong_field(client: httpx.AsyncClient, wrong: dict[str, Any], field: str) -> None:
    body = {"email": "somebody@example.com", "password": PASSWORD, "nickname": "누군가", **wrong}
    response = await client.post("/auth/signup", json=body)
    assert said(response) == (400, "JIUCOM-401")
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_signup_refuses_addresses_and_nicknames_in_use(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    body = {"email": account.email.upper(), "password": PASSWORD, "nickname": account.nickname}
    assert said(await client.post("/auth/signup", json=body)) == (409, "JIUCOM-U002")
    body["email"] = f"other-{account.email}"
    assert said(await client.post("/auth/signup", json=body)) == (409, "JIUCOM-U003")


async def test_signups_at_once_make_one_account(client: httpx.AsyncClient) -> None:
    unique = secrets.token_hex(4)
    bodies = [{"email": f"{unique}@example.com", "password": PASSWORD, "nickname": f"{unique}-{n}"} for n in range(6)]
    answers = await asyncio.gather(*(client.post("/auth/signup", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409, 409, 409]


# Login


async def test_login(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    response = await login(client, account.email)
    assert response.status_code == 200
    assert (await profile(client, response.json()["data"])).status_code == 200
    # The first login goes on: a family each.
    assert (await profile(client, account.tokens)).status_code == 200
    assert (await refresh(client, account.tokens["refreshToken"])).status_code == 200


async def test_other_spellings_are_the_same_address(client: httpx.AsyncClient) -> None:
    unique = secrets.token_hex(4)
    wide = "".join(chr(ord(char) + 0xFEE0) for char in unique)
    body = {"email": f"{wide}@example.com", "password": PASSWORD, "nickname": f"넓은{unique}"}
    tokens = (await client.post("/auth/signup", json=body)).json()["data"]
    assert (await profile(client, tokens)).json()["data"]["email"] == f"{unique}@example.com"
    for spelling in (f"{unique}@example.com", f"{wide}@example.com", f"{unique.upper()}@ｅxample.com"):
        assert (await login(client, spelling)).status_code == 200


async def test_seeded_account_logs_in(client: httpx.AsyncClient) -> None:
    assert (await login(client, "gamer@jiucom.com", "admin123")).status_code == 200


async def test_login_does_not_reveal_which_addresses_exist(client: httpx.AsyncClient, state: AppState) -> None:
    """Social accounts have no password."""
    account, social = await signup(client), await signup(client)
    await _set_hash(state, social.email, None)
    before = state.metrics.logins_failed._value.get()
    answers = [
        await login(client, "unknown@example.com"),
        await login(client, account.email, "wrong-password"),
        await login(client, social.email),
    ]
    bodies = [{**answer.json(), "timestamp": None} for answer in answers]
    assert bodies[0] == bodies[1] == bodies[2]
    assert said(answers[0]) == (401, "JIUCOM-A005")
    assert state.metrics.logins_failed._value.get() == before + 3


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@b"}, {"email": "nobody", "password": "x"}, {"email": "a@b", "password": " "}]
)
async def test_login_validates(client: httpx.AsyncClient, body: dict[str, str]) -> None:
    assert said(await client.post("/auth/login", json=body)) == (400, "JIUCOM-401")


@pytest.mark.parametrize("prefix", ["", "{bcrypt}"])
async def test_old_hashes_verify_and_are_renewed(client: httpx.AsyncClient, state: AppState, prefix: str) -> None:
    account = await signup(client)
    await _set_hash(state, account.email, prefix + _old_hash("오래된-비밀번호-1"))
    assert (await login(client, account.email, "오래된-비밀번호-2")).status_code == 401
    assert (await _hash_of(state, account.email)).startswith(f"{prefix}$2a$10$")
    assert (await login(client, account.email, "오래된-비밀번호-1")).status_code == 200

    async def renewed() -> bool:
        return (await _hash_of(state, account.email)).startswith("{bcrypt-sha256}$2b$10$")

    await eventually(renewed)
    assert (await login(client, account.email, "오래된-비밀번호-1")).status_code == 200
    assert (await login(client, account.email, "오래된-비밀번호-2")).status_code == 401


async def test_every_character_of_a_long_password_counts(client: httpx.AsyncClient, state: AppState) -> None:
    """Bcrypt sees 72 bytes; an old hash, made of those, still verifies."""
    account = await signup(client)
    long = "가" * 49
    await _set_hash(state, account.email, _old_hash(long + "나"))
    assert (await login(client, account.email, long + "나")).status_code == 200

    async def renewed() -> bool:
        return (await _hash_of(state, account.email)).startswith("{bcrypt-sha256}")

    await eventually(renewed)
    assert (await login(client, account.email, long + "나")).status_code == 200
    assert (await login(client, account.email, long + "다")).status_code == 401


async def test_login_takes_the_same_time_for_all(state: AppState) -> None:
    """A short form of test_login_time.py: the verification decides."""
    known = {
        "nobody": None,
        "old": _old_hash(PASSWORD),
        "new": await state.passwords.hash(PASSWORD),
    }
    spent: dict[str, list[float]] = {name: [] for name in known}
    for _ in range(5):
        for name, hashed in known.items():
            # CPU time: others on this machine do not count.
            begun = time.process_time()
            assert not await state.passwords.verify("wrong-password", hashed)
            spent[name].append(time.process_time() - begun)
    # The minimum: other work of the process only adds to the time.
    quickest = [min(times) for times in spent.values()]
    assert max(quickest) < 1.25 * min(quickest), {name: statistics.median(times) for name, times in spent.items()}


async def test_hashes_are_bounded_and_leave_the_loop_alone(state: AppState) -> None:
    stored = await state.passwords.hash(PASSWORD)
    attempts = [asyncio.create_task(state.passwords.verify(PASSWORD, stored)) for _ in range(8)]
    turns, running = 0, set(attempts)
    while running:
        _, running = await asyncio.wait(running, timeout=0.002)
        turns += 1
        assert state.passwords._limiter.borrowed_tokens <= (os.cpu_count() or 1)
    assert all(attempt.result() for attempt in attempts)
    # Hashes on the loop would leave it a turn each.
    assert turns > 2 * len(attempts)


# Tokens


async def test_refresh_rotates(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    first = (await refresh(client, account.tokens["refreshToken"])).json()["data"]
    assert first["refreshToken"] != account.tokens["refreshToken"]
    assert (await profile(client, first)).status_code == 200
    second = (await refresh(client, first["refreshToken"])).json()["data"]
    assert second["refreshToken"] not in (first["refreshToken"], account.tokens["refreshToken"])


async def test_two_tabs_get_the_same_successor(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    answers = await asyncio.gather(*(refresh(client, account.tokens["refreshToken"]) for _ in range(4)))
    assert [answer.status_code for answer in answers] == [200] * 4
    assert len({answer.json()["data"]["refreshToken"] for answer in answers}) == 1
    successor = answers[0].json()["data"]["refreshToken"]
    assert (await refresh(client, successor)).status_code == 200


async def test_reuse_after_the_grace_ends_the_family(client: httpx.AsyncClient, state: AppState) -> None:
    account = await signup(client)
    other = (await login(client, account.email)).json()["data"]
    successor = (await refresh(client, account.tokens["refreshToken"])).json()["data"]
    async with state.db.transaction() as tx:
        await tx.execute(
            "UPDATE refresh_tokens SET used_at = used_at - INTERVAL 21 SECOND WHERE used_at IS NOT NULL"
            " AND user_id = (SELECT id FROM users WHERE email = %s)",
            (account.email,),
        )
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    # It is unknown which use was the thief's, so the whole family ends, access tokens too.
    assert said(await refresh(client, successor["refreshToken"])) == (401, "JIUCOM-A004")
    assert said(await profile(client, successor)) == (401, "JIUCOM-A004")
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    # Another login of the same user is another family.
    assert (await profile(client, other)).status_code == 200
    assert (await refresh(client, other["refreshToken"])).status_code == 200


async def test_token_kinds_are_not_interchangeable(client: httpx.AsyncClient) -> None:
    tokens = (await signup(client)).tokens
    swapped = {"accessToken": tokens["refreshToken"]}
    assert said(await profile(client, swapped)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, tokens["accessToken"])) == (401, "JIUCOM-A004")


async def test_claims(client: httpx.AsyncClient) -> None:
    """`typ`, `jti`, `kid`; two issues within a second differ."""
    account = await signup(client)
    again = (await login(client, account.email)).json()["data"]
    token = account.tokens["accessToken"]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["typ"], claims["role"]) == ("access", "USER")
    assert {"sub", "iat", "exp", "jti"} < claims.keys()
    assert claims["exp"] - claims["iat"] == 3600
    assert jwt.get_unverified_header(token)["alg"] == "HS512"
    assert jwt.get_unverified_header(token)["kid"]
    assert again["accessToken"] != token
    assert again["refreshToken"] != account.tokens["refreshToken"]


async def test_foreign_and_expired_refresh_tokens(
    client: httpx.AsyncClient, state: AppState, settings: Settings
) -> None:
    """An expired one is A004 as well."""
    account = await signup(client)
    good = account.tokens["refreshToken"]
    claims = jwt.decode(good, options={"verify_signature": False})
    key = settings.jwt_secret.encode()
    kid = {"kid": jwt.get_unverified_header(good)["kid"]}
    forged = jwt.encode(claims, b"x" * 64, "HS512", headers=kid)
    expired = jwt.encode({**claims, "exp": 1}, key, "HS512", headers=kid)
    # Signed by us, but never issued.
    unknown = state.tokens.refresh(int(claims["sub"]), claims["sid"], "0" * 32, claims["iat"], claims["exp"])
    for bad in (forged, expired, unknown, "x", good[:-2]):
        assert said(await refresh(client, bad)) == (401, "JIUCOM-A004")
    assert said(await client.post("/auth/refresh", json={"refreshToken": " "})) == (400, "JIUCOM-401")
    assert said(await client.post("/auth/refresh", json={})) == (400, "JIUCOM-401")
    assert (await refresh(client, good)).status_code == 200


async def test_tokens_are_not_stored(client: httpx.AsyncClient, state: AppState) -> None:
    token = (await signup(client)).tokens["refreshToken"]
    async with state.db.read() as session:
        rows = await session.fetch_rows("SELECT * FROM refresh_tokens ORDER BY id DESC LIMIT 5")
    assert rows
    assert not any(token in str(row) or token.rpartition(".")[2] in str(row) for row in rows)


# Logout


async def test_logout_by_access_token(client: httpx.AsyncClient) -> None:
    """The access token ends too."""
    account = await signup(client)
    other = (await login(client, account.email)).json()["data"]
    response = await client.post("/auth/logout", headers=bearer(account.tokens))
    assert response.status_code == 200
    assert "data" not in response.json()
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
    assert (await profile(client, other)).status_code == 200


async def test_logout_by_refresh_token(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    body = {"refreshToken": account.tokens["refreshToken"]}
    assert (await client.post("/auth/logout", json=body)).status_code == 200
    assert said(await profile(client, account.tokens)) == (401, "JIUCOM-A004")
    assert said(await refresh(client, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")


async def test_logout_needs_one_of_them(client: httpx.AsyncClient) -> None:
    assert said(await client.post("/auth/logout")) == (401, "JIUCOM-A001")
    assert said(await client.post("/auth/logout", json={})) == (401, "JIUCOM-A001")
    assert said(await client.post("/auth/logout", json={"refreshToken": "x"})) == (401, "JIUCOM-A004")
    assert said(await client.post("/auth/logout", json={"refreshToken": 1})) == (400, "JIUCOM-401")


async def test_logout_acts_on_every_replica(
    client: httpx.AsyncClient, application: Starlette, database: Settings
) -> None:
    """Within a second."""
    account = await signup(client)
    async with started(database) as replica, client_of(replica) as there:
        await eventually(lambda: state_of(replica).accounts.listening)
        assert (await profile(there, account.tokens)).status_code == 200
        await client.post("/auth/logout", headers=bearer(account.tokens))

        async def refused() -> bool:
            return (await profile(there, account.tokens)).status_code == 401

        await eventually(refused, 1)


async def test_oauth_urls_are_empty(client: httpx.AsyncClient) -> None:
    assert (await client.get("/auth/oauth2/urls")).json()["data"] == {}
