"""The signing key can be changed without ending a login."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import jwt
import pytest

from jiucom.settings import Settings
from testing.accounts import bearer, login, profile, refresh, said, signup
from testing.clients import client_of, started, state_of

pytestmark = pytest.mark.anyio


# Lengths of HS512, HS384 and HS256.
@pytest.fixture(params=[64, 48, 32])
def new_key(request: pytest.FixtureRequest) -> str:
    return secrets.token_hex(request.param // 2)


@pytest.fixture
def after(database: Settings, changed: Callable[..., Settings], new_key: str) -> Settings:
    """The settings once the key was changed."""
    return changed(jwt_secret=new_key, jwt_secret_previous=database.jwt_secret)


@asynccontextmanager
async def application(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    async with started(settings) as app, client_of(app) as client:
        yield client


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


async def test_logins_outlive_a_change_of_the_key(client: httpx.AsyncClient, after: Settings) -> None:
    account = await signup(client)
    async with application(after) as there:
        assert (await profile(there, account.tokens)).status_code == 200
        answer = await refresh(there, account.tokens["refreshToken"])
        tokens = answer.json()["data"]
        for name in ("accessToken", "refreshToken"):
            assert kid(tokens[name]) != kid(account.tokens[name])
        assert (await profile(there, tokens)).status_code == 200
        assert (await refresh(there, tokens["refreshToken"])).status_code == 200
        assert (await client.get("/parts", headers=bearer(tokens))).status_code == 401


async def test_replicas_with_either_key_first_understand_each_other(
    client: httpx.AsyncClient, after: Settings, database: Settings, changed: Callable[..., Settings]
) -> None:
    """How several replicas are changed: the new key is the second one first."""
    before = changed(jwt_secret_previous=after.jwt_secret)
    async with application(before) as old, application(after) as new:
        for here, there in ((old, new), (new, old)):
            account = await signup(here)
            assert (await profile(there, account.tokens)).status_code == 200
            assert (await refresh(there, account.tokens["refreshToken"])).status_code == 200


async def test_two_tabs_get_the_same_successor_across_the_change(client: httpx.AsyncClient, after: Settings) -> None:
    account = await signup(client)
    successor = (await refresh(client, account.tokens["refreshToken"])).json()["data"]["refreshToken"]
    async with application(after) as there:
        again = (await refresh(there, account.tokens["refreshToken"])).json()["data"]["refreshToken"]
        assert again == successor
        assert (await refresh(there, again)).status_code == 200


async def test_a_key_that_was_taken_away_ends_its_logins(
    client: httpx.AsyncClient, after: Settings, changed: Callable[..., Settings]
) -> None:
    account = await signup(client)
    successor = await refresh(client, account.tokens["refreshToken"])
    assert successor.status_code == 200
    async with application(changed(jwt_secret=after.jwt_secret)) as there:
        assert said(await profile(there, account.tokens)) == (401, "JIUCOM-A004")
        assert said(await refresh(there, account.tokens["refreshToken"])) == (401, "JIUCOM-A004")
        assert (await login(there, account.email)).status_code == 200


@pytest.mark.parametrize("named", ["", "0", "none", "../../etc/passwd"])
async def test_only_keys_that_are_known(client: httpx.AsyncClient, database: Settings, named: str) -> None:
    account = await signup(client)
    good = account.tokens["accessToken"]
    claims = jwt.decode(good, options={"verify_signature": False})
    for secret in (database.jwt_secret.encode(), b"", b"x" * 64):
        token = jwt.encode(claims, secret or b"y" * 64, "HS512", headers={"kid": named})
        assert said(await profile(client, {"accessToken": token})) == (401, "JIUCOM-A004")
    # The right name, and another algorithm.
    named_well = {"kid": kid(good)}
    for token in (
        jwt.encode(claims, None, "none", headers=named_well),  # type: ignore[arg-type]
        jwt.encode(claims, database.jwt_secret, "HS256", headers=named_well),
    ):
        assert said(await profile(client, {"accessToken": token})) == (401, "JIUCOM-A004")


async def test_tokens_of_a_previous_key_expire(client: httpx.AsyncClient, after: Settings, database: Settings) -> None:
    account = await signup(client)
    good = account.tokens["accessToken"]
    claims = jwt.decode(good, options={"verify_signature": False})
    expired = jwt.encode({**claims, "exp": 1}, database.jwt_secret, "HS512", headers={"kid": kid(good)})
    async with started(after) as app, client_of(app) as there:
        assert said(await profile(there, {"accessToken": expired})) == (401, "JIUCOM-A003")
        assert state_of(app).tokens.identify(expired).family == claims["sid"]
