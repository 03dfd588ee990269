"""Which host has what: gateways on some hosts alone, a service with data on another host, and the host with the data lost."""

from __future__ import annotations

import json
import time

import pytest
from hosts import wait_for
from swarm_hosts import Cluster, docker, doctor, failures

# Several runs of a playbook on three hosts of one machine.
pytestmark = pytest.mark.timeout(1800)


def verified(cluster: Cluster, *arguments: str) -> str:
    """Run the checks, which must pass; returns what they said, on one line."""
    code, said = cluster.play(*arguments, playbook="playbooks/verify.yml")
    assert code == 0, said[-6000:]
    return " ".join(said.split())


def test_gateways_on_two_hosts_alone(cluster: Cluster) -> None:
    edges = ["-e", json.dumps({"swarm_edges": ["node1", "node2"]})]
    try:
        with cluster.load("edges", *cluster.nodes[:2]) as told:
            cluster.apply(*edges)
            wait_for(lambda: cluster.nodes[2].get("/health")[0] == 0, 60, "no gateway on node3")
        assert failures(told) == 0
        assert set(cluster.tasks("nginx").values()) == {"node1", "node2"}
        assert "2 gateways" in verified(cluster, *edges)
        assert cluster.apply(*edges) == 0
    finally:
        cluster.apply()
    assert cluster.nodes[2].get("/health")[0] == 200


def place_prometheus(cluster: Cluster, before: int, after: int) -> None:
    """Give Prometheus, without its data, to another node."""
    old, new = cluster.nodes[before], f"node{after + 1}"
    cluster.first.run(
        f"docker service rm jiucom_prometheus && docker node update --label-rm jiucom.prometheus node{before + 1}"
    )
    wait_for(lambda: not old.run("docker ps -q --filter name=jiucom_prometheus").strip(), 60, "Prometheus has ended")
    old.run("docker rm $(docker ps -aq --filter name=jiucom_prometheus); docker volume rm jiucom_prometheus-data")
    placement = ["-e", json.dumps({"swarm_placement": {"prometheus": new}})]
    cluster.apply(*placement)
    assert set(cluster.tasks("prometheus").values()) == {new}
    verified(cluster, *placement)


def test_a_service_with_data_on_another_host(cluster: Cluster) -> None:
    placement = json.dumps({"swarm_placement": {"prometheus": "node2"}})
    code, said = cluster.play("-e", placement)
    assert code != 0
    assert "prometheus has its volume on node1, and swarm_placement names another host" in " ".join(said.split())
    place_prometheus(cluster, 0, 1)
    place_prometheus(cluster, 1, 0)


def test_the_host_with_the_data_is_lost(cluster: Cluster) -> None:
    """Until it is back the database answers nothing; then it does by itself, and what was acknowledged is there."""
    lost, second = cluster.nodes[:2]
    with cluster.load("data", *cluster.nodes[1:3]) as told:
        docker("kill", lost.name)
        began = time.monotonic()
        wait_for(lambda: "Down" in second.run("docker node ls"), 120, "node1 is down")
        said, found = doctor(cluster)
        assert "node1: node with data down" in found
        assert "it has the data of" in said
        away = time.monotonic() - began
        docker("start", lost.name)
        started = time.monotonic()
        wait_for(lambda: second.get("/api/v1/posts?size=1")[0] == 200, 240, "posts are answered again")
        print(f"away for {away:.0f} s; posts are answered {time.monotonic() - started:.0f} s after its start")
        cluster.wait_until_complete()
    failures(told)
    # Each acknowledged post is there: those that were being written when the host died may be, without having been acknowledged.
    script = 'MYSQL_PWD="$(cat /run/secrets/root_password)" mysql -uroot -N -e "$0" jiucom'
    ask = "SELECT COUNT(*) FROM posts WHERE title LIKE 'load data%'"
    rows = int(lost.run(f"docker exec $(docker ps -q --filter name=jiucom_mysql.) sh -c '{script}' \"{ask}\""))
    written = sum(one["written"] for one in told)
    print(f"{written} acknowledged, {rows} there")
    assert rows >= written > 0
    verified(cluster)
