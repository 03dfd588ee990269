"""A Redis cluster of the role's own files stays one and keeps its keys, whatever is taken from its servers (H3.7)."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Iterator

import pytest
from ansible_collections.jiucom.platform.plugins.module_utils.quoting import quoted
from ansible_collections.jiucom.platform.plugins.module_utils.redis_cluster import servers

from tests.stack.redis_cluster import HEALTH, Cluster, eventually, six_servers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The servers, which the first test joins."""
    with six_servers(tmp_path_factory.mktemp("cluster")) as toy:
        yield toy


def test_servers_that_are_not_joined_are_named_and_joined(cluster: Cluster) -> None:
    assert "has neither slots nor a primary" in str(cluster.missing())
    assert cluster.diagnosed() == {("redis", "Redis cluster not whole")}
    assert cluster.cluster(check=True)["changed"]
    # Where there is no cluster yet, services are recreated as any other.
    assert cluster.cluster("replaced", services=["redis"])["replaced"] == []
    assert cluster.cluster()["changed"]
    assert cluster.diagnosed() == set()
    cluster.fill()


def test_another_password_reaches_the_replicas(cluster: Cluster) -> None:
    """With the accounts each server reads the password that it shows to its primary, without a restart."""
    before = cluster.containers()
    cluster.health = 'another "one'
    cluster.define()
    cluster.write()
    for name in cluster.addresses:
        command = "sh /usr/local/etc/redis/ask.sh ACL LOAD | grep -qx OK"
        # The loaded account has the old password still, as in a rotation before the last step.
        old = f"printf '%s\\n' 'AUTH health {quoted(HEALTH)}' 'ACL LOAD' | redis-cli | tail -1"
        assert cluster.compose("exec", "-T", name, "sh", "-c", old).strip() == "OK"
        cluster.compose("exec", "-T", name, "sh", "-c", command)
    # Its replica comes to it anew.
    cluster.compose("restart", "--timeout", "5", cluster.primaries()[0])
    eventually(lambda: not cluster.missing())
    assert cluster.containers() == before


def test_a_server_that_does_not_come_back_ends_the_run(cluster: Cluster) -> None:
    before, name = cluster.containers(), cluster.primaries()[0]
    replicas = [other for other in cluster.addresses if other not in cluster.primaries()]
    cluster.note = "no-setting yes\n"
    cluster.define()
    cluster.write()
    said = cluster.tried("replaced", services=[name, replicas[0]], patience=10)
    assert replicas[0] in said["msg"]
    assert "handed over" not in said["msg"]
    # The primary was to be next.
    after = cluster.containers()
    assert {each for each in before if before[each] != after[each]} == {replicas[0]}
    # What was written before is there again, and the server with it.
    cluster.note = ""
    cluster.up()
    eventually(lambda: not cluster.missing())
    assert cluster.lost() == set()


def test_a_primary_that_hangs_is_replaced_and_named(cluster: Cluster) -> None:
    name = cluster.primaries()[0]
    cluster.compose("kill", "--signal", "STOP", name)
    try:
        eventually(lambda: cluster.addresses[name] not in owners(cluster, but=name))
        assert cluster.lost() == set()
        assert f"{name} hangs" in str(cluster.missing())
        assert cluster.diagnosed() == {("redis", "Redis cluster not whole")}
    finally:
        cluster.compose("kill", "--signal", "CONT", name)
    eventually(lambda: not cluster.missing())
    assert name not in cluster.primaries()


def test_a_lost_volume_comes_back_as_a_replica(cluster: Cluster) -> None:
    name = cluster.primaries()[0]
    cluster.compose("rm", "--stop", "--force", name)
    subprocess.run(["docker", "volume", "rm", f"{cluster.name}_{name}-data"], check=True, capture_output=True)
    eventually(lambda: cluster.addresses[name] not in owners(cluster, but=name))
    cluster.compose("up", "--detach", name)
    said = cluster.cluster()
    assert any("forgot" in line for line in said["lines"])
    assert cluster.missing() == []
    assert name not in cluster.primaries()
    assert cluster.lost() == set()


def owners(cluster: Cluster, but: str) -> list[str]:
    """The addresses that have slots, as a server that runs sees it."""
    addresses = {name: address for name, address in cluster.addresses.items() if name != but}
    view = next(iter(servers(cluster.name, addresses).values())).view()
    return [node.address for node in view.nodes.values() if node.slots]


def test_all_come_back_at_the_same_addresses_by_themselves(cluster: Cluster) -> None:
    cluster.compose("down", "--timeout", "5")
    cluster.apply()
    eventually(lambda: not cluster.missing())
    assert cluster.lost() == set()


def test_all_come_back_at_other_addresses_joined(cluster: Cluster) -> None:
    cluster.compose("down", "--timeout", "5")
    cluster.subnet = str(ipaddress.ip_network(cluster.subnet, strict=True)[0] + 65536) + "/26"
    cluster.up()
    said = cluster.cluster()
    assert sum("joined at" in line for line in said["lines"]) >= 3
    assert cluster.missing() == []
    assert cluster.lost() == set()
