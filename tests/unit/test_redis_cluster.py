"""The six servers of a Redis cluster: addresses, rows and definitions made of Redis's own, and what is missing in a cluster."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.jiucom.platform.plugins.filter import redis_cluster as filters
from ansible_collections.jiucom.platform.plugins.module_utils import redis_cluster as cluster
from plugins import ROOT

TABLE = yaml.safe_load((ROOT / "roles/platform/vars/main/services.yml").read_text())["_platform_services"]
DEFINITIONS = yaml.safe_load((ROOT / "roles/cache/vars/main/services.yml").read_text())["_cache_services"]
ADDRESSES = filters.cluster_addresses("172.30.80.0/24", "172.30.80.10")


@pytest.mark.parametrize(
    ("subnet", "gateway", "first", "last"),
    [
        ("172.30.80.0/24", "172.30.80.10", "172.30.80.122", "172.30.80.127"),
        ("10.0.0.0/26", "10.0.0.10", "10.0.0.26", "10.0.0.31"),
        ("10.0.0.0/26", "10.0.0.31", "10.0.0.25", "10.0.0.30"),
        ("10.0.0.0/26", "10.0.0.28", "10.0.0.25", "10.0.0.31"),
        ("10.0.0.0/8", "10.0.0.10", "10.127.255.250", "10.127.255.255"),
        ("10.0.0.0/28", "10.0.0.10", "10.0.0.2", "10.0.0.7"),
    ],
)
def test_addresses_are_the_last_below_those_that_docker_hands_out(
    subnet: str, gateway: str, first: str, last: str
) -> None:
    found = filters.cluster_addresses(subnet, gateway)
    assert list(found) == ["redis", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6"]
    assert (found["redis"], found["redis-6"]) == (first, last)
    assert gateway not in found.values()
    assert len(set(found.values())) == 6


@pytest.mark.parametrize("subnet", ["10.0.0.0/28", "10.0.0.0/29", "10.0.0.0/32", "fd00::/64", "nonsense", ""])
def test_what_is_no_network_for_it_has_no_addresses(subnet: str) -> None:
    assert filters.cluster_addresses(subnet, "10.0.0.2") == {}


def test_rows_stand_behind_redis_and_are_like_it() -> None:
    rows = filters.cluster_rows(TABLE, ADDRESSES)
    names = list(rows)
    assert names[names.index("redis") : names.index("app")] == list(ADDRESSES)
    others = [f"{name}:{port}" for name in ADDRESSES if name != "redis-3" for port in (6379, 16379)]
    assert rows["redis-3"] == {
        **{key: value for key, value in TABLE["redis"].items() if key not in ("image", "address")},
        "volumes": {"redis-3-data": "/data"},
        "connects": others,
    }
    assert {**TABLE["redis"], "connects": rows["redis"]["connects"]} == rows["redis"]
    for client in ("app", "redis-exporter"):
        assert set(ADDRESSES) <= set(rows[client]["connects"])
    assert filters.cluster_rows(TABLE, {}) == TABLE


def test_each_server_has_its_own_volume_and_directory() -> None:
    found = filters.cluster_definitions(DEFINITIONS, ADDRESSES)
    assert found["redis-exporter"] == DEFINITIONS["redis-exporter"]
    own: list[Any] = [found[name]["compose"]["volumes"] for name in ADDRESSES]
    assert own[0] == DEFINITIONS["redis"]["compose"]["volumes"]
    assert own[1] == [
        "redis-2-data:/data",
        "./redis-2/conf:/usr/local/etc/redis:ro",
        "./redis-2/secrets:/run/secrets:ro",
    ]
    for name, address in ADDRESSES.items():
        assert found[name]["compose"]["command"][-2:] == ["--cluster-announce-ip", address]
        assert found[name]["files"] == DEFINITIONS["redis"]["files"]
        assert bool(found[name]["validate"]) == (name == "redis")
    assert filters.cluster_definitions(DEFINITIONS, {}) == DEFINITIONS


def nodes(*lines: str) -> str:
    return "\n".join(f"{line.split()[0] * 40} {line.split(maxsplit=1)[1]}" for line in lines) + "\n"


def test_what_a_server_sees() -> None:
    view = cluster.parse(
        nodes(
            "a 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-2 7 [93-<-" + "b" * 40 + "]",
            "b 10.0.0.2:6379@16379,,tls-port=0 master - 0 0 2 disconnected 3-6",
            f"c 10.0.0.3:6379@16379 slave {'a' * 40} 0 0 3 connected",
        )
    )
    assert view.myself.id == "a" * 40
    assert view.myself.slots == {0, 1, 2, 7}
    assert [(node.address, node.connected, node.primary[:1]) for node in view.nodes.values()] == [
        ("10.0.0.1", True, ""),
        ("10.0.0.2", False, ""),
        ("10.0.0.3", True, "a"),
    ]
    for text in ("NOPERM this user has no permissions", nodes("b 10.0.0.2:6379@16379 master - 0 0 2 connected")):
        with pytest.raises(cluster.ClusterError):
            cluster.parse(text)


def test_a_server_that_hangs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docker").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(cluster, "PATIENCE", 0.1)
    assert cluster.faults({"redis-2": cluster.Server("redis-2", "10.0.0.2", "c")}) == [
        "redis-2 hangs: no answer to CLUSTER in 0.1 s"
    ]


def test_slots_are_split_and_joined() -> None:
    parts = list(cluster.parts(range(cluster.SLOTS), 3))
    assert [len(part) for part in parts] == [5461, 5461, 5462]
    assert [slot for part in parts for slot in part] == list(range(cluster.SLOTS))
    assert cluster.ranges([1, 2, 3, 5, 8, 9]) == [(1, 3), (5, 5), (8, 9)]
    assert cluster.ranges([]) == []


class Fake(cluster.Server):
    """A server that answers what a test says."""

    def __init__(self, name: str, line: str, **answers: str) -> None:
        super().__init__(name, "10.0.0.1", "")
        object.__setattr__(self, "said", {"NODES": nodes(line), **answers})

    def ask(self, *words: str) -> str:
        said: dict[str, str] = self.__dict__["said"]
        if words == ("CLUSTER", "NODES"):
            return said["NODES"]
        if words == ("CLUSTER", "INFO"):
            state, slots, known = said.get("state", "ok 16384 2").split()
            return f"cluster_state:{state}\r\ncluster_slots_ok:{slots}\r\ncluster_known_nodes:{known}\r\n"
        role, _, link = said.get("role", "master ").partition(" ")
        return f"# Replication\r\nrole:{role}\r\nmaster_host:10.0.0.1\r\nmaster_link_status:{link}\r\n"


PRIMARY = "a 10.0.0.1:6379@16379 myself,master - 0 0 1 connected 0-16383"
REPLICA = f"b 10.0.0.2:6379@16379 myself,slave {'a' * 40} 0 0 1 connected"


@pytest.mark.parametrize(
    ("primary", "replica", "told"),
    [
        ({}, {"role": "slave up"}, []),
        ({}, {"role": "slave down"}, ["redis-2 has lost its primary 10.0.0.1"]),
        ({"state": "fail 10923 2"}, {"role": "slave up"}, ["redis sees 10923 of 16384 slots served, state fail"]),
        ({"state": "ok 16384 3"}, {"role": "slave up"}, ["redis knows 3 servers instead of 2"]),
        (
            {},
            {"line": "b 10.0.0.2:6379@16379 myself,master - 0 0 1 connected"},
            ["redis has no replica", "redis-2 has neither slots nor a primary"],
        ),
    ],
)
def test_what_a_cluster_lacks_is_told(primary: dict[str, str], replica: dict[str, str], told: list[str]) -> None:
    servers = {"redis": Fake("redis", PRIMARY, **primary), "redis-2": Fake("redis-2", **{"line": REPLICA} | replica)}
    assert cluster.faults(servers) == told
