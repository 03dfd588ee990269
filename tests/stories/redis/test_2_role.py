"""The role makes six servers of one, replaces them under new settings without a lost key, and goes back to the one (H3.7)."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.jiucom.platform.plugins.filter.redis_cluster import SERVERS

from tests.installation import Installation

KEYS = range(200)


class Store(Installation):
    """Redis and its exporter."""

    def site(self, **settings: Any) -> str:
        """What site.yml does with role cache; returns what Ansible said."""
        return self.deploy(roles=("cache",), **settings)

    def services(self) -> set[str]:
        """The services that run."""
        return set(self.compose("ps", "--services").split())

    def ask(self, *commands: str) -> list[str]:
        """Ask as the API, at whichever servers have the keys; returns the answers."""
        login = ["--user", "app", "--pass", str(self.secrets["cache_app_password"]), "--no-auth-warning"]
        given = "".join(f"{command}\n" for command in commands)
        said = self.compose("exec", "-T", "redis", "redis-cli", "-c", *login, given=given)
        return [line for line in said.splitlines() if not line.startswith("-> Redirected")]

    def scraped(self, server: str) -> str:
        """The metrics that Prometheus would get of a server."""
        url = f"http://127.0.0.1:9121/scrape?target=redis://{server}:6379"
        return self.compose("exec", "-T", "redis-exporter", "wget", "-q", "-O", "-", url)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One server, with a key."""
    made = Store(tmp_path_factory.mktemp("redis"), "redis")
    try:
        made.site()
        assert made.ask("SET single kept") == ["OK"]
        yield made
    finally:
        made.remove()
        # Back to one server, the others' volumes are none of Compose's.
        volumes = [f"{made.project}_{server}-data" for server in SERVERS]
        subprocess.run(["docker", "volume", "rm", "--force", *volumes], check=True, capture_output=True)


def test_six_servers_are_made_of_one(store: Store) -> None:
    said = store.site(cache_mode="cluster")
    assert store.services() == {*SERVERS, "redis-exporter"}
    assert said.count("is a replica of") == 3
    assert "kept" not in store.ask("GET single")
    assert "changed=0" in store.site(cache_mode="cluster")
    for server in SERVERS:
        metrics = store.scraped(server)
        assert "\nredis_up 1\n" in metrics
        assert "\nredis_cluster_slots_ok 16384\n" in metrics


def test_verification_and_doctor_find_nothing(store: Store) -> None:
    looks: list[dict[str, Any]] = [
        {"ansible.builtin.include_role": {"name": "cache", "tasks_from": tasks}} for tasks in ("check", "diagnose")
    ]
    sound = ["ansible_facts.checks_cache | rejectattr('passed') | length == 0", "ansible_facts.findings_cache == []"]
    passed = {
        "ansible.builtin.assert": {"that": [*sound, "'H3.7' in ansible_facts.checks_cache | map(attribute='id')"]}
    }
    store.play([], [*looks, passed], cache_mode="cluster")


def test_all_are_replaced_for_new_settings_without_a_lost_key(store: Store) -> None:
    assert set(store.ask(*(f"SET key:{number} {number}" for number in KEYS))) == {"OK"}
    said = store.site(cache_mode="cluster", cache_maxmemory="100mb")
    assert said.count("was replaced") == 6
    assert said.count("handed over to") == 3
    assert store.ask(*(f"GET key:{number}" for number in KEYS)) == [str(number) for number in KEYS]
    assert "changed=0" in store.site(cache_mode="cluster", cache_maxmemory="100mb")


def test_back_to_one_server_with_its_data(store: Store) -> None:
    store.site()
    assert store.services() == {"redis", "redis-exporter"}
    assert store.ask("GET single") == ["kept"]
    assert "changed=0" in store.site()
