"""Six real Redis servers with the role's own files become one cluster; a primary hands over before it is replaced (H3.7).

What takes longer is a story: tests/stories/redis.
"""

from __future__ import annotations

from pathlib import Path

from .redis_cluster import six_servers


def test_servers_are_joined_once_and_replaced_one_by_one(tmp_path: Path) -> None:
    with six_servers(tmp_path) as cluster:
        assert cluster.cluster()["changed"]
        assert cluster.missing() == []
        assert cluster.primaries() == ["redis", "redis-2", "redis-3"]
        assert not cluster.cluster()["changed"]
        assert cluster.settled()
        cluster.fill()
        before = cluster.containers()
        cluster.note = "# changed\n"
        cluster.define()
        cluster.write()
        assert cluster.compare()["recreate"] == list(cluster.addresses)
        said = cluster.cluster("replaced", services=["redis", "redis-5"])
        assert said["replaced"] == ["redis-5", "redis"]
        assert said["lines"] == ["redis-5 was replaced", "redis handed over to redis-4", "redis was replaced"]
        assert cluster.primaries() == ["redis-2", "redis-3", "redis-4"]
        after = cluster.containers()
        assert {name for name in before if before[name] != after[name]} == {"redis", "redis-5"}
        assert cluster.compare()["recreate"] == ["redis-2", "redis-3", "redis-4", "redis-6"]
        assert cluster.lost() == set()
