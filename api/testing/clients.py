"""Applications in this process, and clients of them."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from starlette.applications import Starlette

from jiucom.app import create_app
from jiucom.paths import CONTEXT_PATH
from jiucom.settings import Settings
from jiucom.state import AppState


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Starlette]:
    """An application with its lifespan running: all of it, or the domains that JIUCOM_TEST_DOMAINS names (by commas)."""
    only = os.environ.get("JIUCOM_TEST_DOMAINS")
    app = create_app(settings, only.split(",") if only else None)
    async with app.router.lifespan_context(app):
        yield app


def state_of(app: Starlette) -> AppState:
    """The AppState of an application."""
    state: AppState = app.state.app
    return state


def client_of(app: Starlette, token: str | None = None, **headers: str) -> httpx.AsyncClient:
    """A client of an application; paths are without the context path."""
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.AsyncClient(
        # Unhandled exceptions become answers, as behind a server.
        transport=httpx.ASGITransport(app, client=("127.0.0.1", 40000), raise_app_exceptions=False),
        base_url=f"http://testserver{CONTEXT_PATH}",
        headers=headers,
    )


@dataclass(frozen=True)
class User:
    """A user of one test, with a client that is logged in."""

    id: int
    email: str
    nickname: str
    token: str
    client: httpx.AsyncClient
