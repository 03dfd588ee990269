"""Notifications in a browser: stomp.js and SockJS in Chromium, through the gateway, with two replicas."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from hosts import ROOT, Host
from playwright.sync_api import Browser, Page

from tests.browser import chromium

NPM = ROOT / "tests/npm"
SCRIPTS = (
    NPM / "node_modules/@stomp/stompjs/bundles/stomp.umd.min.js",
    NPM / "node_modules/sockjs-client/dist/sockjs.min.js",
    NPM / "client.js",
)
MINE = "/user/queue/notifications"
PASSWORD = "correct-horse-8"

# A replica asked past the gateway, from inside its container.
COMMENT = """
import json, sys, urllib.request
post, token, text = sys.argv[1:]
urllib.request.urlopen(urllib.request.Request(
    f"http://127.0.0.1:8080/api/v1/posts/{post}/comments", json.dumps({"content": text}).encode(),
    {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}))
"""


@dataclass
class Community:
    """An author, somebody who comments, and the post between them."""

    host: Host
    http: httpx.Client
    author: str
    commenter: str
    email: str
    post: int

    def comment(self, text: str, replica: str) -> None:
        """The commenter comments through one replica, by its container's id."""
        arguments = shlex.join([COMMENT, str(self.post), self.commenter, text])
        self.host.run(f"docker exec {replica} python -c {arguments}")


def ask(http: httpx.Client, path: str, body: dict[str, str], token: str = "") -> Any:
    """POST; returns the data of the answer, if any, which must be a success."""
    answer = http.post(path, json=body, headers={"Authorization": f"Bearer {token}"} if token else {})
    assert answer.is_success, answer.text
    return answer.json().get("data")


@pytest.fixture(scope="module")
def community(host: Host) -> Iterator[Community]:
    with httpx.Client(base_url=f"http://{host.address}/api/v1") as http:
        tokens, email = [], ""
        for _ in range(2):
            unique = secrets.token_hex(4)
            email = f"{unique}@example.com"
            person = {"email": email, "password": PASSWORD, "nickname": f"새사람{unique}"}
            tokens.append(ask(http, "/auth/signup", person)["accessToken"])
        commenter, author = tokens
        post = ask(http, "/posts", {"title": "제목", "content": "내용", "boardType": "FREE"}, author)
        yield Community(host, http, author, commenter, email, post["id"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser, host: Host) -> Iterator[Page]:
    """A page of the gateway's own origin."""
    page = browser.new_page()
    page.set_default_timeout(10_000)
    # A real one: Chromium lets pages that did not come over the network open no WebSocket to local addresses.
    page.goto(f"http://{host.address}/health")
    for script in SCRIPTS:
        page.add_script_tag(path=script)
    yield page
    page.close()


@pytest.fixture(params=["websocket", "xhr-streaming", "raw websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def happens(page: Page, what: str) -> Any:
    """Wait until something has happened to the page's client; returns its detail, and forgets it."""
    found = page.wait_for_function("what => happened.find(each => each.what === what)", arg=what).json_value()
    page.evaluate("what => happened.splice(happened.findIndex(each => each.what === what), 1)", what)
    return found["detail"]


def connect(page: Page, token: str, transport: str) -> None:
    """Connect, and subscribe to the user's own notifications."""
    page.evaluate("([token, transport]) => connect(token, transport)", [token, transport])
    assert happens(page, "connected") == transport
    page.evaluate("destination => subscribe(destination)", MINE)
    assert happens(page, "subscribed") == MINE


def test_a_comment_is_heard_from_every_replica(community: Community, page: Page, transport: str) -> None:
    replicas = community.host.ids()["app"]
    assert len(replicas) == 2
    connect(page, community.author, transport)
    # The page is connected to one of them, so the other's comment has come over Redis.
    for replica in replicas:
        community.comment(f"{transport} {replica}", replica)
        heard = happens(page, "message")
        assert (heard["type"], heard["linkUrl"]) == ("COMMENT_REPLY", f"/posts/{community.post}")
    assert page.evaluate("happened") == []


def test_a_bad_token_is_refused(page: Page, transport: str) -> None:
    page.evaluate("transport => connect('broken', transport)", transport)
    assert happens(page, "error") == "JIUCOM-A004"
    happens(page, "closed")
    assert page.evaluate("happened") == []


def test_another_s_queue_is_refused(community: Community, page: Page, transport: str) -> None:
    connect(page, community.author, transport)
    page.evaluate("destination => subscribe(destination)", "/queue/notifications/1")
    assert happens(page, "error") == "JIUCOM-A002"
    happens(page, "closed")
    assert page.evaluate("happened") == []


def test_logout_closes(community: Community, page: Page, transport: str) -> None:
    token = ask(community.http, "/auth/login", {"email": community.email, "password": PASSWORD})["accessToken"]
    connect(page, token, transport)
    ask(community.http, "/auth/logout", {}, token)
    # A second is promised; without Redis it would be up to ten.
    page.set_default_timeout(4_000)
    assert happens(page, "error") == "JIUCOM-A004"
    happens(page, "closed")
