"""With a Redis cluster, a read replica and stored traces, containers open to one another only what they need (S7, H3)."""

from __future__ import annotations

import pytest
from doctor import told
from hosts import SERVICES, Host, wait_for
from lasting import ask_prometheus
from loads import LIMITS, load, rows, token
from redis_servers import SERVERS, whole
from scan import dropped, opened

from testing.images import image

ON = (
    *LIMITS,
    *("-e", "firewall_isolation=true"),
    *("-e", "cache_mode=cluster"),
    *("-e", "database_replicas=1"),
    *("-e", "tracing_storage=elasticsearch"),
    *("-e", "tracing_elasticsearch_managed=true"),
)
REPLICA = "mysql-replica-1"
ADDED = {REPLICA, "opensearch", "trace-jobs", *SERVERS[1:]}
CACHE = {f"{name}:6379" for name in SERVERS}
CLUSTER = {
    name: {f"{other}:{port}" for other in SERVERS if other != name for port in (6379, 16379)} for name in SERVERS
}
NEEDED = CLUSTER | {
    "app": {"mysql:3306", f"{REPLICA}:3306", "zipkin:9411"} | CACHE,
    "mysql-exporter": {"mysql:3306", f"{REPLICA}:3306"},
    "redis-exporter": CACHE,
    REPLICA: {"mysql:3306"},
    "nginx": {"app:8080", "grafana:3000", "zipkin:9411"},
    "grafana": {"prometheus:9090"},
    "prometheus": {
        "app:8080", "redis-exporter:9121", "mysql-exporter:9104", "zipkin:9411", "nginx:8081", "trace-jobs:9412",
    },
    # A network of their own, in which the three see one another.
    "zipkin": {"opensearch:9200", "trace-jobs:9412"},
    "opensearch": {"zipkin:9411", "trace-jobs:9412"},
    "trace-jobs": {"zipkin:9411", "opensearch:9200"},
}  # fmt: skip


@pytest.fixture(scope="module")
def apart(host: Host) -> Host:
    """The platform with all of it at once, turned on in one run."""
    host.load(image("opensearch"))
    host.apply(*ON)
    host.wait_until_healthy()
    assert set(host.ids()) == {*SERVICES, *ADDED}
    return host


@pytest.mark.timeout(1800)
def test_each_container_reaches_what_it_needs_and_nothing_else(apart: Host) -> None:
    before = dropped(apart)
    assert opened(apart) == NEEDED
    assert dropped(apart) > before
    apart.unchanged(*ON)


@pytest.mark.timeout(1800)
def test_it_serves_and_is_verified(apart: Host) -> None:
    with load(apart, token(apart), "apart", rate=40) as seen:
        code, said = apart.playbook(*ON, playbook="playbooks/verify.yml")
    assert code == 0, said[-6000:]
    assert seen["failed"] == []
    assert rows(apart, "apart") == seen["written"] > 0
    assert whole(apart)
    query = "query?query=jiucom_db_reads_total%7Bserver%3D%22replica%22%7D%20%3E%200"
    wait_for(lambda: ask_prometheus(apart, query)["result"], 60, "reads on the replica")
    assert told(apart, *ON) == set()


@pytest.mark.timeout(900)
def test_a_power_cut_leaves_them_apart(apart: Host) -> None:
    apart.boot(power_cut=True)
    apart.wait_until_healthy()
    wait_for(lambda: whole(apart), 90, "a whole cluster")
    assert opened(apart) == NEEDED


@pytest.mark.timeout(1800)
def test_turned_off_all_of_it_goes(apart: Host) -> None:
    apart.apply()
    assert set(apart.ids()) == set(SERVICES)
    assert "jiucom_isolation" not in apart.run("nft list tables")
    apart.unchanged()
    assert told(apart) == set()
