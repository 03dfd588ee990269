"""Headers of every answer (docs/decisions.md)."""

import httpx
import pytest

from testing.accounts import PASSWORD, signup
from testing.clients import User

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/parts", 200),
        ("GET", "/nothing", 404),
        ("POST", "/parts", 405),
        ("GET", "/parts?size=0", 400),
        ("GET", "/users/me", 401),
        ("POST", "/builds/check", 400),
        ("GET", "/swagger-ui/index.html", 200),
        ("GET", "/swagger-ui/swagger-ui.css", 200),
        ("GET", "/v3/api-docs", 200),
        ("GET", "/actuator/health", 200),
        ("GET", "/ws/info", 200),
    ],
)
async def test_every_answer_has_a_content_security_policy(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    (policy,) = response.headers.get_list("content-security-policy")
    assert "default-src 'self'" in policy
    # Scripts only from here, and none in the page.
    assert "script-src" not in policy
    assert "unsafe-eval" not in policy


@pytest.mark.parametrize("path", ["/users/me", "/parts", "/nothing", "/notifications", "/parts?size=0"])
async def test_answers_to_a_bearer_are_not_stored(user: User, path: str) -> None:
    assert (await user.client.get(path)).headers.get_list("cache-control") == ["no-store"]


async def test_answers_to_a_bad_bearer_are_not_stored(client: httpx.AsyncClient) -> None:
    response = await client.get("/parts", headers={"Authorization": "Bearer x"})
    assert (response.status_code, response.headers["cache-control"]) == (401, "no-store")


async def test_tokens_are_not_stored(client: httpx.AsyncClient) -> None:
    account = await signup(client)
    answers = [
        await client.post("/auth/login", json={"email": account.email, "password": PASSWORD}),
        await client.post("/auth/login", json={"email": account.email, "password": "wrong-password"}),
        await client.post("/auth/refresh", json={"refreshToken": account.tokens["refreshToken"]}),
    ]
    assert [answer.headers.get_list("cache-control") for answer in answers] == [["no-store"]] * 3


async def test_public_answers_have_at_most_one_cache_control(client: httpx.AsyncClient, user: User) -> None:
    assert "cache-control" not in (await client.get("/parts")).headers
    # Once, also where the handler has a rule of its own.
    for reader in (client, user.client):
        assert len((await reader.get("/ws/info")).headers.get_list("cache-control")) == 1
