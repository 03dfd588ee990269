"""The whole platform with a read replica: verified, read by users and backups, promoted under load, turned off (H3.6)."""

from __future__ import annotations

import json
import re
import time

import pytest
from doctor import told
from hosts import Host, wait_for
from lasting import ask_prometheus, sql
from loads import LIMITS, load, rows, token

REPLICA = "mysql-replica-1"
ON = ["-e", "database_replicas=1", *LIMITS]
REST = 60


def shares(host: Host) -> dict[str, float]:
    """Return how many reads each kind of server has answered since the API started, as Prometheus has it."""
    found = ask_prometheus(host, "query?query=sum%20by%20(server)%20(jiucom_db_reads_total)")["result"]
    return {one["metric"]["server"]: float(one["value"][1]) for one in found}


def used(host: Host) -> tuple[float, float]:
    """Return memory (MB, without the page cache) and CPU time (s) of the replica's processes."""
    pid = host.run(f"docker inspect --format '{{{{.State.Pid}}}}' $(docker compose ps --quiet {REPLICA})").strip()
    memory = int(host.run(f"awk '/^VmRSS/ {{print $2}}' /proc/{pid}/status")) / 1024
    ticks = host.run(f"awk '{{print $14 + $15}}' /proc/{pid}/stat")
    return memory, int(ticks) / 100


@pytest.mark.timeout(1200)
def test_a_replica_joins_a_platform_that_serves(host: Host) -> None:
    host.apply(*LIMITS)
    access, before = token(host), host.ids()
    with load(host, access, "joined", rate=60) as seen:
        host.apply(*ON)
    assert seen["failed"] == []
    assert host.ids()["mysql"] == before["mysql"]
    assert rows(host, "joined") >= seen["written"] > 0
    wait_for(lambda: shares(host).get("replica", 0) > 0, 60, "a read on the replica")
    host.unchanged(*ON)


@pytest.mark.timeout(1200)
def test_it_is_verified_diagnosed_and_takes_reads(host: Host) -> None:
    code, output = host.playbook(*ON, playbook="playbooks/verify.yml")
    assert code == 0, output[-6000:]
    assert re.search(r"H3\.6 [^·]*· [^·]*· mysql-replica-1\s+is \d", output), output[-6000:]
    assert told(host, *ON) == set()
    before = shares(host)
    with load(host, token(host), "reads", rate=60) as seen:
        time.sleep(45)
    assert seen["failed"] == []
    after = shares(host)
    made = {name: count - before.get(name, 0) for name, count in after.items()}
    print(f"reads {made}, {made['replica'] / sum(made.values()):.0%} on the replica")
    assert made["replica"] > 0
    time.sleep(15)
    (_, began), start = used(host), time.monotonic()
    time.sleep(REST)
    memory, ended = used(host)
    print(f"at rest: {memory:.0f} MB, {(ended - began) / (time.monotonic() - start):.1%} of a core")


@pytest.mark.timeout(600)
def test_a_backup_is_read_from_it_and_proved(host: Host) -> None:
    code, output = host.playbook(*ON, "-e", "backup_from_replica=true", playbook="playbooks/backup.yml")
    assert code == 0, output[-3000:]
    manifest = json.loads(host.run("tar xOf $(ls /var/backups/jiucom/*.tar | tail -1) manifest.json"))
    assert manifest["database"]["read_from"] == REPLICA
    code, output = host.playbook(*ON, "-e", "backup_from_replica=true", playbook="playbooks/drill.yml")
    assert code == 0, output[-3000:]


@pytest.mark.timeout(1200)
def test_a_promotion_brings_back_a_primary_whose_volume_is_destroyed(host: Host) -> None:
    access, promote, name = token(host), "playbooks/promote.yml", host.inventory_name
    for wrong in ((), ("-e", "host=another"), ("-e", f"host={name}", "-e", "replica=mysql-replica-2")):
        code, output = host.playbook(*ON, *wrong, playbook=promote)
        assert code != 0
        assert "Type the host's name" in output
    with load(host, access, "promoted", rate=40) as seen:
        time.sleep(10)
        there = rows(host, "promoted")
        host.run("docker kill $(docker compose ps --quiet mysql) && docker compose rm --force mysql")
        host.run("docker volume rm jiucom_mysql-data")
        began = time.monotonic()
        code, output = host.playbook(*ON, "-e", f"host={name}", playbook=promote)
        assert code == 0, output[-4000:]
        seconds = time.monotonic() - began
        assert "lost is what the primary committed" in output
        wait_for(lambda: host.get("/api/v1/posts")[0] == 200, 60, "an answer from the database")
        time.sleep(10)
    first, last = seen["failing"]
    now = rows(host, "promoted")
    print(f"promotion {seconds:.0f} s, failing for {last - first:.0f} s, {seen['written']} acknowledged, {now} there")
    assert now > there > 0
    assert seen["not_json"] == 0
    host.wait_until_healthy()
    host.unchanged(*ON, "-e", "backup_from_replica=true")
    assert told(host, *ON) == set()
    code, output = host.playbook(*ON, "-e", "backup_from_replica=true", playbook="playbooks/backup.yml")
    assert code == 0, output[-3000:]


@pytest.mark.timeout(1200)
def test_turned_off_the_service_goes_and_its_data_stays(host: Host) -> None:
    posts = sql(host, "SELECT COUNT(*) FROM posts")
    host.apply()
    assert REPLICA not in host.inspect()
    assert REPLICA not in host.run("ls -A . .services .applied compose.yaml && cat compose.yaml")
    assert f"jiucom_{REPLICA}-data" in host.run("docker volume ls --quiet").split()
    assert sql(host, "SELECT COUNT(*) FROM posts") == posts
    host.unchanged()
    assert told(host) == set()
