"""The verbs of one host on several: deploy, scale and verify do the swarm's work, and the doctor names what is wrong there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deploys import DEPLOY, version
from hosts import wait_for
from swarm_hosts import Cluster, docker, doctor, failures

# Several runs of a playbook on three hosts of one machine.
pytestmark = pytest.mark.timeout(1800)

SOUND = "Nothing wrong was found"


def test_replicas_are_added_and_removed(cluster: Cluster) -> None:
    with cluster.load("scale", *cluster.nodes[:3]) as told:
        for number in (4, 3):
            code, said = cluster.play("-e", f"replicas={number}", playbook="playbooks/scale.yml")
            assert code == 0, said[-6000:]
            # One that ends has half a minute for its requests.
            cluster.wait_until_complete(40)
            assert cluster.services()["jiucom_app"] == f"{number}/{number}"
            code, said = cluster.play(playbook="playbooks/verify.yml")
            assert code == 0, said[-6000:]
            assert f"{number + 1} of {number + 1} replicas" in " ".join(said.split())
    assert failures(told) == 0


def test_deploy_brings_another_version(cluster: Cluster, tmp_path: Path) -> None:
    before = cluster.tasks()
    with cluster.load("verb", *cluster.nodes[:3]) as told:
        code, said = cluster.play(*version(tmp_path, "verb"), playbook=DEPLOY)
        assert code == 0, said[-6000:]
    assert failures(told) == 0
    left = before.keys() & cluster.tasks().keys()
    assert not left & cluster.tasks("app").keys()
    assert left >= cluster.tasks("mysql.").keys() | cluster.tasks("nginx").keys()
    code, said = cluster.play(playbook=DEPLOY)
    assert code == 0, said[-6000:]


def test_a_deploy_goes_on_without_a_host_that_is_away(cluster: Cluster, tmp_path: Path) -> None:
    """The run says which host it did not reach (4); run again, it brings that one the image, and changes nothing else."""
    third, before = cluster.nodes[2], cluster.tasks("app")
    given = version(tmp_path, "away")
    docker("kill", third.name)
    try:
        wait_for(lambda: cluster.state("node3").startswith("down"), 120, "node3 is down")
        wait_for(lambda: len(cluster.tasks("app", "Running")) == 3, 180, "three replicas")
        with cluster.load("away", *cluster.nodes[:2]) as told:
            code, said = cluster.play(*given, playbook=DEPLOY)
        assert code == 4, said[-6000:]
        assert failures(told) == 0
        assert not before.keys() & cluster.tasks("app").keys()
    finally:
        docker("start", third.name)
    wait_for(lambda: third.get("/health")[0] == 200, 240, "the gateway of node3")
    image = cluster.image("app")
    assert "No such image" in third.run(f"docker image inspect {image}", check=False)
    deployed = cluster.tasks("app")
    code, said = cluster.play(*given, playbook=DEPLOY)
    assert code == 0, said[-6000:]
    third.run(f"docker image inspect {image}")
    assert cluster.tasks("app") == deployed
    code, said = cluster.play(playbook=DEPLOY)
    assert code == 0, said[-6000:]


def test_what_works_on_one_host_alone_is_refused(cluster: Cluster) -> None:
    before = cluster.tasks()
    code, said = cluster.play(playbook="playbooks/stop.yml")
    assert code != 0
    assert "the platform runs on several hosts, and stop does not work there" in " ".join(said.split())
    assert cluster.tasks() == before


def test_a_sound_swarm(cluster: Cluster) -> None:
    said, found = doctor(cluster)
    assert said.count(SOUND) == 3
    assert found == set()


@contextmanager
def planted(cluster: Cluster) -> Iterator[None]:
    """A drained node, an image that is gone, a gateway that takes no connection, two services that do not run."""
    first, third = cluster.first, cluster.nodes[2]
    image = cluster.image("mysql")
    third.run(f"docker save {image} > /root/image.tar && docker rmi {image}")
    third.run("iptables -t raw -I PREROUTING -p tcp --dport 80 -j DROP")
    first.run("docker service update --detach --constraint-add node.labels.nowhere==true jiucom_zipkin")
    first.run("docker service scale --detach jiucom_grafana=0")
    first.run("docker node update --availability drain node2")
    try:
        wait_for(lambda: cluster.services()["jiucom_zipkin"] == "0/1", 60, "zipkin has no node")
        wait_for(lambda: "node2" not in cluster.tasks().values(), 120, "nothing on node2")
        wait_for(lambda: cluster.services()["jiucom_app"] == "3/3", 120, "three replicas")
        yield
    finally:
        third.run("docker load < /root/image.tar; rm /root/image.tar")
        third.run("iptables -t raw -D PREROUTING -p tcp --dport 80 -j DROP")
        first.run("docker node update --availability active node2")
        first.run("docker service update --detach --constraint-rm node.labels.nowhere==true jiucom_zipkin")
        first.run("docker service scale --detach jiucom_grafana=1")
        cluster.wait_until_complete()


def test_what_is_wrong_is_named(cluster: Cluster) -> None:
    with planted(cluster):
        said, found = doctor(cluster, "-e", "platform_min_disk_installed_mb=99000000")
    assert found == {
        "node2: node drained", "host: image missing", "node3: gateway does not answer", "zipkin: runs too few times",
        "grafana: stopped", "host: disk nearly full",
    }  # fmt: skip
    assert "no suitable node (scheduling constraints not satisfied" in said
    # Of each disk of each host.
    assert said.count("disk nearly full") >= 3
    assert said.count("image missing") == 1


def test_nodes_that_are_lost_are_named(cluster: Cluster) -> None:
    """With one of three managers away another must not be lost; with two away nothing can be changed."""
    second, third = cluster.nodes[1:3]
    try:
        docker("kill", third.name)
        wait_for(lambda: cluster.state("node3").startswith("down"), 120, "node3 is down")
        wait_for(lambda: "node3" not in cluster.tasks("app").values(), 120, "no replica on node3")
        wait_for(lambda: cluster.services()["jiucom_app"] == "3/3", 180, "three replicas")
        said, found = doctor(cluster)
        assert {"node3: node down", "swarm: majority in danger"} <= found
        assert "2 of 3 managers; node3 not reachable" in said
        docker("kill", second.name)
        wait_for(lambda: "leader" in cluster.first.run("docker node ls", check=False), 120, "no leader")
        assert "swarm: no majority of managers" in doctor(cluster)[1]
    finally:
        docker("start", second.name, third.name)
        cluster.wait_until_complete()
