"""Accounts with a password, made by sign-up."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "correct-horse-8"  # noqa: S105


@dataclass(frozen=True)
class Account:
    """A new account and its first tokens."""

    email: str
    nickname: str
    tokens: dict[str, Any]


async def signup(client: httpx.AsyncClient) -> Account:
    """A new account."""
    unique = secrets.token_hex(4)
    body = {"email": f"{unique}@example.com", "password": PASSWORD, "nickname": f"새사람{unique}"}
    response = await client.post("/auth/signup", json=body)
    response.raise_for_status()
    return Account(body["email"], body["nickname"], response.json()["data"])


async def login(client: httpx.AsyncClient, email: str, password: str = PASSWORD) -> httpx.Response:
    """The answer to a login."""
    return await client.post("/auth/login", json={"email": email, "password": password})


async def refresh(client: httpx.AsyncClient, token: str) -> httpx.Response:
    """The answer to a refresh."""
    return await client.post("/auth/refresh", json={"refreshToken": token})


async def profile(client: httpx.AsyncClient, tokens: dict[str, Any]) -> httpx.Response:
    """The answer to the access token."""
    return await client.get("/users/me", headers=bearer(tokens))


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    """The header that carries the access token."""
    return {"Authorization": f"Bearer {tokens['accessToken']}"}


def said(response: httpx.Response) -> tuple[int, str]:
    """Status and code of an error."""
    return response.status_code, response.json()["code"]
