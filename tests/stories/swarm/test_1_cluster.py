"""Three hosts as one platform: nothing open but the gateways; deploys, a drained, a lost and a new host under load."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from deploys import version
from hosts import Host, wait_for
from loads import token
from PIL import Image
from swarm_hosts import Cluster, docker, failures

# Ports of the services, which must be closed on the hosts. SSH (22) and Swarm (2377, 7946) are not checked.
PORTS = (80, 443, 3000, 3306, 6379, 8080, 8081, 9090, 9104, 9121, 9411)


def test_a_second_run_changes_nothing(cluster: Cluster) -> None:
    before = cluster.tasks()
    assert cluster.apply() == 0
    assert cluster.tasks() == before


def test_the_playbook_of_one_host_is_refused(cluster: Cluster) -> None:
    code, said = cluster.play("--limit", "node1", playbook="site.yml")
    assert code != 0
    assert "The platform runs on several hosts" in " ".join(said.split())


def open_ports(node: Host) -> list[int]:
    """Return those of PORTS that take connections."""
    found = []
    for port in PORTS:
        with socket.socket() as client:
            client.settimeout(2)
            found += [port] if client.connect_ex((node.address, port)) == 0 else []
    return found


def test_nothing_is_open_but_the_gateways(cluster: Cluster) -> None:
    for node in cluster.nodes[:3]:
        assert open_ports(node) == [80], node.name


def test_each_gateway_sees_the_client(cluster: Cluster) -> None:
    machine = cluster.first.address.rpartition(".")[0] + ".1"
    for node in cluster.nodes[:3]:
        assert node.get("/api/v1/parts?size=1&mark=client")[0] == 200
        log = node.run("docker logs $(docker ps -q --filter name=jiucom_nginx) 2> /dev/null | grep mark=client")
        assert json.loads(log.splitlines()[-1])["client"] == machine


def test_the_replicas_are_spread_and_the_data_is_not(cluster: Cluster) -> None:
    assert len(set(cluster.tasks("app").values())) >= 2
    stores = ("mysql.", "redis.", "prometheus", "grafana", "pictures")
    assert {node for name in stores for node in cluster.tasks(name).values()} == {"node1"}


def test_a_picture_is_there_through_every_gateway(cluster: Cluster, tmp_path: Path) -> None:
    access = token(cluster.first)
    picture = tmp_path / "one.png"
    Image.new("RGB", (40, 40), "red").save(picture)
    upload = ["curl", "-s", "-H", f"Authorization: Bearer {access}", "-F", f"file=@{picture};type=image/png"]
    for node in cluster.nodes[:3]:
        command = [*upload, f"http://{node.address}/api/v1/images/upload"]
        url = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["data"]["url"]
        for other in cluster.nodes[:3]:
            got = [
                "curl",
                "-s",
                "-w",
                "%{http_code} %{size_download}",
                "-o",
                "/dev/null",
                f"http://{other.address}{url}",
            ]
            status, size = subprocess.run(got, capture_output=True, text=True, check=True).stdout.split()
            assert status == "200"
            assert int(size) > 50


def served(node: Host) -> str:
    """Return the certificate that a node's gateway serves."""
    return ssl.get_server_certificate((node.address, 443), timeout=10)


def test_every_gateway_speaks_tls(cluster: Cluster, tmp_path: Path) -> None:
    """First with a certificate that was made on the first host, then with an operator's own."""
    public = ["-e", "platform_public_url=https://shop.example.kr"]
    own = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "60", "-subj", "/CN=shop", "-addext"]
    own += ["subjectAltName=DNS:shop.example.kr", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "own")]
    subprocess.run(own, check=True, capture_output=True)
    files = ["-e", f"gateway_tls_certificate_file={tmp_path}/own", "-e", f"gateway_tls_key_file={tmp_path}/key"]
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    try:
        cluster.apply(*public, "-e", "gateway_tls=selfsigned")
        assert len({served(node) for node in cluster.nodes[:3]}) == 1
        for node in cluster.nodes[:3]:
            assert open_ports(node) == [80, 443], node.name
            assert node.get("/api/v1/parts")[0] == 301
            url = f"https://{node.address}/api/v1/parts?size=1"
            with urllib.request.urlopen(url, context=blind, timeout=10) as answer:
                assert answer.status == 200
        given = [*public, "-e", "gateway_tls=files", *files]
        cluster.apply(*given)
        assert {served(node) for node in cluster.nodes[:3]} == {(tmp_path / "own").read_text()}
        assert cluster.apply(*given) == 0
        # Everyone who may ask a manager reads configs.
        configs = cluster.first.run(
            "docker config inspect --format '{{printf \"%s\" .Spec.Data}}' $(docker config ls -q)"
        )
        assert "server {" in configs
        assert "PRIVATE KEY" not in configs
    finally:
        cluster.apply()


def test_a_deploy_loses_no_request(cluster: Cluster, tmp_path: Path) -> None:
    before = cluster.tasks("app")
    with cluster.load("deploy", *cluster.nodes[:3]) as told:
        cluster.apply(*version(tmp_path, "second"))
    assert failures(told) == 0
    assert not before.keys() & cluster.tasks("app").keys()


def test_a_version_that_does_not_start_goes_back(cluster: Cluster, tmp_path: Path) -> None:
    before = cluster.tasks("app")
    with cluster.load("broken", *cluster.nodes[:3]) as told:
        code, said = cluster.play(*version(tmp_path, "broken", "raise SystemExit('broken on purpose')"))
    assert code != 0
    assert "did not become healthy and runs as before" in said
    assert failures(told) == 0
    assert before.keys() & cluster.tasks("app").keys()
    cluster.apply()


def test_a_drained_node_loses_no_request(cluster: Cluster) -> None:
    """Its gateway ends with it, as its clients have to be led elsewhere first."""
    with cluster.load("drain", cluster.nodes[0], cluster.nodes[2]) as told:
        cluster.first.run("docker node update --availability drain node2")
        wait_for(lambda: "node2" not in cluster.tasks().values(), 120, "nothing on node2")
        cluster.wait_until_complete()
    cluster.first.run("docker node update --availability active node2")
    wait_for(lambda: cluster.nodes[1].get("/health")[0] == 200, 120, "the gateway of node2")
    assert failures(told) == 0


@pytest.mark.parametrize("how", ["killed", "cut off"])
def test_a_node_is_lost(cluster: Cluster, how: str) -> None:
    """Requests that the node was serving are lost; the other nodes go on, and start its replicas within half a minute.

    Killed, its connections end; cut off, as by a power cut, nothing says so.
    """
    lost = cluster.nodes[2]
    # One replica at least, so that there is something to lose.
    for _ in range(5):
        if "node3" in cluster.tasks("app").values():
            break
        cluster.first.run("docker service update --quiet --force jiucom_app", seconds=300)
    assert "node3" in cluster.tasks("app").values()
    with cluster.load(how.replace(" ", ""), *cluster.nodes[:2]) as told:
        docker(*(["kill", lost.name] if how == "killed" else ["network", "disconnect", cluster.network, lost.name]))
        began = time.monotonic()
        wait_for(lambda: cluster.state("node3").startswith("down"), 120, "node3 is down")
        seen = time.monotonic() - began
        wait_for(lambda: "node3" not in cluster.tasks("app").values(), 60, "no replica on node3")
        wait_for(lambda: len(cluster.tasks("app", "Running")) == 3, 180, "three replicas")
        print(f"{how}: seen after {seen:.0f} s, three replicas again after {time.monotonic() - began:.0f} s")
        time.sleep(10)
    count, sent = failures(told), sum(one["sent"] for one in told)
    print(f"{how}: {count} of {sent} requests failed")
    docker(
        *(
            ["start", lost.name]
            if how == "killed"
            else ["network", "connect", "--ip", lost.address, cluster.network, lost.name]
        )
    )
    wait_for(lambda: lost.get("/api/v1/parts?size=1")[0] == 200, 240, "the gateway of node3 by itself")
    cluster.wait_until_complete()
    assert count <= sent * 0.03
    assert all(one["failing"] == [] or one["failing"][-1] - one["failing"][0] < 30 for one in told)


def test_one_more_host_joins(cluster: Cluster, fourth: Host) -> None:
    with cluster.load("joins", *cluster.nodes[:3]) as told:
        cluster.apply("-e", "api_replicas=4")
    assert failures(told) == 0
    assert fourth.get("/api/v1/parts?size=1")[0] == 200
    assert "node4" in cluster.tasks("app").values()
    with cluster.load("leaves", *cluster.nodes[:3]) as told:
        cluster.first.run("docker node update --availability drain node4")
        wait_for(lambda: "node4" not in cluster.tasks().values(), 120, "nothing on node4")
        cluster.wait_until_complete()
    assert failures(told) == 0
    fourth.run("docker swarm leave")
    wait_for(lambda: cluster.state("node4").startswith("down"), 60, "node4 has left")
    cluster.first.run("docker node rm node4")
