"""Notifications through the gateway, as sockjs-client and stomp.js hear them, while replicas end and come back."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from .cluster import Cluster, cluster
from .community import Community
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
