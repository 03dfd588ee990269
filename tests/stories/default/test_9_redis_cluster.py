"""A Redis cluster under load: each server killed, each primary paused, all stopped, rebooted, replaced; back to one (H3.7)."""

from __future__ import annotations

import itertools
import json
import shlex
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from background import repeated
from doctor import told as diagnosed
from hosts import ROOT, SERVICES, Host, wait_for
from loads import LIMITS, load, rows, token
from playwright.sync_api import Page
from redis_servers import KEYS, SERVERS, Count, client, counted, lost, primaries, whole, write

from tests.browser import chromium
from tests.gateway.community import Community
from tests.gateway.listeners import listening

LOGINS = 6
REPLICAS = 2
CLUSTER = (
    *LIMITS,
    "-e",
    "cache_mode=cluster",
    "-e",
    f"api_replicas={REPLICAS}",
    "-e",
    f"api_rate_limit_login={LOGINS}",
    # So that the API's own limit is seen, not the gateway's.
    "-e",
    "gateway_login_burst=1000",
)
# Wrong logins from an address of its own, one after the other; prints their statuses.
GUESSES = """
import json, time, urllib.error, urllib.request
for number in range(32):
    body = {"email": f"{number}.{time.time_ns()}@example.com", "password": "wrong-password-1"}
    request = urllib.request.Request(
        "http://127.0.0.1/api/v1/auth/login", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        print(urllib.request.urlopen(request, timeout=30).status)
    except urllib.error.HTTPError as fault:
        print(fault.code)
"""


@dataclass
class Platform:
    """A platform on a cluster, with users at work."""

    host: Host
    access: str
    community: Community

    @contextmanager
    def at_work(self, mark: str) -> Iterator[dict[str, Any]]:
        """Users read, write, comment and are told while the block does something to Redis."""
        before, written = self.community.told(), rows(self.host, mark)
        with ExitStack() as stack:
            clients = stack.enter_context(
                listening(f"http://{self.host.address}", self.community.author, "websocket", 2)
            )
            told = stack.enter_context(load(self.host, self.access, mark, rate=60))
            with commenting(self.community, mark), counted(self.host) as count:
                yield told
                assert token(self.host)
                self.guess()
                wait_for(lambda: whole(self.host), 90, "a whole cluster")
            notified = self.community.told() - before
            assert len(notified) > 5
            clients.wait(lambda one: notified <= clients.heard(one).keys(), 30)
            for one in range(clients.count):
                # A client that is new is told of earlier ones, too.
                assert {each: clients.heard(one)[each] for each in notified} == dict.fromkeys(notified, 1)
                assert clients.each(one, "closed") == []
        assert told["failed"] == []
        assert told["closes"] == []
        assert rows(self.host, mark) - written == told["written"] > 0
        assert count.hits > 0
        told |= {"count": count, "notified": len(notified)}

    def guess(self) -> None:
        """Wrong logins are refused, at the latest once each replica has counted them alone."""
        statuses = self.host.run(f"python3 -c {shlex.quote(GUESSES)}").split()
        assert len(statuses) == 32
        assert {"429"} <= set(statuses) <= {"401", "429"}, statuses
        assert statuses.count("401") <= REPLICAS * LOGINS, statuses

    def tell(self, what: str, told: dict[str, Any], gone: int) -> None:
        """Print what happened."""
        count: Count = told["count"]
        print(
            f"{what}: {told['sent']} requests, none failed, slowest {told['slowest']} s; {count.failures:.0f} commands without "
            f"Redis, the last after {count.seconds:.1f} s; {count.hits:.0f} hits; {told['notified']} notified; {gone} of {KEYS} "
            "keys lost"
        )


@contextmanager
def commenting(community: Community, mark: str) -> Iterator[None]:
    """Comment twice a second, each of which is a notification."""
    numbers = itertools.count(1)
    with repeated(lambda: community.comment(f"{mark} {next(numbers)}"), 0.5):
        yield


@pytest.fixture(scope="module")
def platform(host: Host) -> Iterator[Platform]:
    """The platform, which has changed from one server to six."""
    assert client(host, "SET story:single kept") == ["OK"]
    host.apply(*CLUSTER)
    wait_for(lambda: whole(host), 60, "a whole cluster")
    with httpx.Client(base_url=f"http://{host.address}/api/v1", timeout=30) as http:
        yield Platform(host, token(host), Community(http))


@pytest.mark.timeout(900)
def test_a_second_run_changes_nothing_and_each_server_is_seen(host: Host, platform: Platform) -> None:
    assert set(host.ids()) == {*SERVICES, *SERVERS}
    host.unchanged(*CLUSTER)
    code, output = host.playbook(*CLUSTER, playbook="playbooks/verify.yml")
    assert code == 0, output[-6000:]
    assert diagnosed(host, *CLUSTER) == set()


def seen(host: Host, query: str) -> set[str]:
    """The instances that a query of Prometheus finds."""
    with httpx.Client(base_url=f"http://{host.address}:9090") as http:
        answer = http.get("/api/v1/query", params={"query": query}).json()
    return {one["metric"]["instance"] for one in answer["data"]["result"]}


def test_the_exporter_and_the_dashboard_see_each_server(host: Host, platform: Platform) -> None:
    wait_for(
        lambda: seen(host, "rate(redis_commands_processed_total[1m] offset 30s) > 0") == set(SERVERS), 150, "rates"
    )
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(15_000)
        page.goto(f"http://{host.address}/grafana/d/jiucom-redis?from=now-5m")
        page.fill("[name=user]", "admin")
        page.fill("[name=password]", "admin")
        page.click("main button")
        page.wait_for_url("**/grafana/d/jiucom-redis?from=now-5m")
        assert page.locator(".fault").all_inner_texts() == []
        assert [stat(page, number) for number in range(3)] == ["6", "16384", "0"]
        for panel in page.locator("section.panel:has(.legend)").all():
            shown = {name.strip() for name in panel.locator(".legend tbody th").all_inner_texts()}
            # The one server from before the change is there, too, until its last value is out of sight.
            assert shown - {"redis-exporter:9121"} == set(SERVERS)
        page.screenshot(path=ROOT / ".cache/screens/jiucom-redis.png", full_page=True)


def stat(page: Page, number: int) -> str:
    """What one of the first panels says."""
    text = page.locator("section.panel").nth(number).locator("svg text").first.text_content()
    return str(text).replace(",", "")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("server", SERVERS)
def test_a_killed_server_comes_back(host: Host, platform: Platform, server: str) -> None:
    write(host)
    role = "primary" if server in primaries(host) else "replica"
    with platform.at_work(f"kill-{server}") as told:
        host.kill(server)
    platform.tell(f"{server} ({role}) killed", told, gone := lost(host))
    assert gone == 0


@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(3))
def test_a_primary_that_hangs_is_replaced(host: Host, platform: Platform, number: int) -> None:
    write(host)
    server = sorted(primaries(host))[number]
    other = next(name for name in SERVERS if name != server)
    with platform.at_work(f"pause-{number}") as told:
        host.run(f"docker compose pause {server}")
        began = time.monotonic()
        try:
            wait_for(lambda: len(set(primaries(host, other)) - {server}) == 3, 60, "another primary")
            seconds = time.monotonic() - began
            gone = lost(host, other)
            assert token(host)
            platform.guess()
        finally:
            host.run(f"docker compose unpause {server}")
    platform.tell(f"{server} paused, replaced after {seconds:.1f} s", told, gone)
    assert gone == 0


@pytest.mark.timeout(600)
def test_all_are_stopped_and_started(host: Host, platform: Platform) -> None:
    write(host)
    with platform.at_work("stopped") as told:
        host.run(f"docker compose stop {' '.join(SERVERS)}")
        try:
            assert token(host)
            platform.guess()
            time.sleep(5)
        finally:
            host.run(f"docker compose start {' '.join(SERVERS)}")
    platform.tell("all stopped", told, gone := lost(host))
    assert gone == 0


@pytest.mark.timeout(900)
def test_all_are_replaced_one_by_one(host: Host, platform: Platform) -> None:
    write(host)
    before = host.ids()
    with platform.at_work("replaced") as told:
        _, output = host.apply(*CLUSTER, "-e", "cache_maxmemory=200mb")
    after = host.ids()
    assert all(before[name] != after[name] for name in SERVERS)
    assert output.count("handed over to") >= 3
    platform.tell("all replaced", told, gone := lost(host))
    assert gone == 0


@pytest.mark.timeout(900)
def test_the_host_is_booted(host: Host, platform: Platform) -> None:
    write(host)
    # What is not on the disk yet after a second is lost without power.
    time.sleep(2)
    host.boot(power_cut=True)
    host.wait_until_healthy()
    wait_for(lambda: whole(host), 60, "a whole cluster")
    assert lost(host) == 0
    assert token(host)


@pytest.mark.timeout(900)
def test_back_to_one_server_with_its_data(host: Host, platform: Platform) -> None:
    host.apply(*LIMITS)
    assert set(host.ids()) == set(SERVICES)
    assert client(host, "GET story:single") == ["kept"]
    volumes = json.loads("[" + ",".join(host.run("docker volume ls --format json").splitlines()) + "]")
    assert {f"jiucom_{server}-data" for server in SERVERS} <= {volume["Name"] for volume in volumes}
