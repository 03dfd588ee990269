"""Notifications through the gateway, as sockjs-client and stomp.js hear them, while replicas end and come back."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .cluster import Cluster, cluster
from .conftest import VARIABLES
from .listeners import listening

CLIENTS = 4
NOTIFICATIONS = 45
# Pauses between notifications (s): with polling, each is a request of each client, and the gateway counts them.
PAUSE = 0.25


@pytest.fixture(scope="module", params=[2, 3], ids=["two replicas", "three replicas"])
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster"), request.param, VARIABLES) as running:
        yield running


class Community:
    """An author, and somebody who comments on the author's post, through the gateway."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.author, self.commenter = self._signup(), self._signup()
        post = {"title": "제목", "content": "내용", "boardType": "FREE"}
        self._comments = f"/posts/{self._post('/posts', post, self.author)['id']}/comments"

    def _signup(self) -> str:
        unique = secrets.token_hex(4)
        body = {"email": f"{unique}@example.com", "password": "correct-horse-8", "nickname": f"새사람{unique}"}
        return str(self._post("/auth/signup", body)["accessToken"])

    def _post(self, path: str, body: dict[str, str], token: str = "") -> Any:
        answer = self.http.post(path, json=body, headers=_bearer(token) if token else {})
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def comment(self, text: str) -> None:
        """Whether it was taken is what `told` says: an answer may be lost with its replica."""
        self.http.post(self._comments, json={"content": text}, headers=_bearer(self.commenter))

    def told(self) -> set[int]:
        """The ids of all that the author was told, as they stand in the list."""
        found: set[int] = set()
        for page in range(5):
            answer = self.http.get("/notifications", params={"size": 100, "page": page}, headers=_bearer(self.author))
            answer.raise_for_status()
            found |= {each["id"] for each in answer.json()["data"]["content"]}
        return found


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("transport", ["websocket", "xhr-streaming", "xhr-polling"])
def test_nothing_is_lost_and_nothing_comes_twice(replicas: Cluster, transport: str) -> None:
    url = replicas.gateway.url
    with httpx.Client(base_url=f"{url}/api/v1", timeout=20) as http:
        community = Community(http)
        with listening(url, community.author, transport, CLIENTS) as clients:
            victim = max(replicas.replicas, key=replicas.sessions)
            assert replicas.sessions(victim) > 0
            for number in range(NOTIFICATIONS):
                if number == NOTIFICATIONS // 3:
                    victim.kill()
                if number == 2 * NOTIFICATIONS // 3:
                    victim.start()
                community.comment(f"{transport} {number}")
                time.sleep(PAUSE)
            replicas.await_ready(victim)
            told = community.told()
            assert len(told) >= NOTIFICATIONS // 2
            clients.wait(lambda client: told <= clients.heard(client).keys(), 30)
            # What would come twice would come by now, and so would what nobody was told.
            time.sleep(5)
            for client in range(CLIENTS):
                assert clients.heard(client) == dict.fromkeys(told, 1)
                assert set(clients.each(client, "connected")) == {transport}
            # Somebody was connected to the one that ended.
            assert sum(len(clients.each(client, "closed")) for client in range(CLIENTS)) > 0
