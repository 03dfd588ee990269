"""Backups of several hosts: an archive by the clock, its proof, and its restore on the cluster, with what followed it."""

from __future__ import annotations

import re
import time

import pytest
from hosts import wait_for
from lasting import PERSON, api, picture, upload
from swarm_hosts import Cluster

# Several runs of a playbook on three hosts of one machine.
pytestmark = pytest.mark.timeout(1800)

AUTHOR = {**PERSON, "email": "swarm@example.com", "nickname": "여럿"}


def play(cluster: Cluster, verb: str, *arguments: str) -> str:
    """Run the playbook of a verb, which must succeed; returns what it said, on one line."""
    code, said = cluster.play(*arguments, playbook=f"playbooks/{verb}.yml", seconds=1200)
    assert code == 0, said[-6000:]
    return " ".join(said.split())


def write(cluster: Cluster, title: str) -> int:
    """Write a post; returns its id."""
    with api(cluster.first) as client:
        client.post("/auth/signup", json=AUTHOR)
        login = {key: AUTHOR[key] for key in ("email", "password")}
        token = client.post("/auth/login", json=login).raise_for_status().json()["data"]["accessToken"]
        post = {"boardType": "FREE", "title": title, "content": "on several hosts"}
        answer = client.post("/posts", json=post, headers={"Authorization": f"Bearer {token}"}).raise_for_status()
        return int(answer.json()["data"]["id"])


def posts(cluster: Cluster, *numbers: int) -> list[int]:
    """Return the status of each post, asked at the gateways in turn."""
    return [cluster.nodes[index % 3].get(f"/api/v1/posts/{number}")[0] for index, number in enumerate(numbers)]


def test_the_timers_run_on_the_first_host_alone(cluster: Cluster) -> None:
    for node, wanted in zip(cluster.nodes[:3], ("active", "inactive", "inactive"), strict=True):
        for unit in ("jiucom-backup.timer", "jiucom-drill.timer", "jiucom-binlog.service"):
            assert node.run(f"systemctl is-active {unit}", check=False).strip() == wanted, (node.name, unit)


def test_an_archive_is_made_and_proved(cluster: Cluster) -> None:
    path = upload(cluster.first)
    write(cluster, "proved")
    # As the timers do it, and as an operator does.
    cluster.first.run("systemctl start jiucom-backup.service", seconds=600)
    said = play(cluster, "backup")
    assert "saved: /var/backups/jiucom/jiucom-" in said
    archive = re.findall(r"/var/backups/jiucom/jiucom-\w+\.tar", said)[-1]
    held = cluster.first.run(f"tar -tf {archive}")
    for name in ("database.sql.gz", path.rpartition("/")[2], "volumes/redis-data/", "installation/stack.json"):
        assert name in held, name
    assert "proved: " in play(cluster, "drill")
    assert "ok S3 " in play(cluster, "verify")


def test_the_data_is_back_after_a_restore(cluster: Cluster) -> None:
    numbers = cluster.services()
    path = upload(cluster.first)
    before = write(cluster, "in the archive")
    shown = picture(cluster.first, path)
    play(cluster, "backup")
    after = write(cluster, "after the archive")
    cluster.first.run("rm -r /var/lib/docker/volumes/jiucom_uploads/_data/*")
    assert picture(cluster.first, path)[0] == 404
    began = time.monotonic()
    assert "restored: jiucom-" in play(cluster, "restore", "-e", "archive=newest")
    print(f"restored after {time.monotonic() - began:.0f} s")
    assert cluster.services() == numbers
    wait_for(lambda: posts(cluster, before) == [200], 60, "the gateway reaches the API")
    assert posts(cluster, before, after) == [200, 404]
    assert [picture(node, path) for node in cluster.nodes[:3]] == [shown] * 3
    assert play(cluster, "verify")


def test_what_followed_the_archive_is_back_too(cluster: Cluster) -> None:
    play(cluster, "backup")
    later = [write(cluster, f"later {number}") for number in range(3)]
    said = play(cluster, "restore", "-e", "archive=newest", "-e", "until=latest")
    assert "transactions followed" in said
    wait_for(lambda: posts(cluster, *later) == [200, 200, 200], 60, "the posts are back")
    assert write(cluster, "goes on") > later[-1]


def test_a_restore_that_is_ended_leaves_everything_as_it_was(cluster: Cluster) -> None:
    """The old volumes are put back, and every service runs again."""
    kept, numbers, first = write(cluster, "kept"), cluster.services(), cluster.first
    first.run("setsid /opt/jiucom/backup/jiucom-backup restore newest > /root/restore.log 2>&1 &")
    wait_for(lambda: "jiucom-restore" in first.run("docker ps --format '{{.Names}}'"), 120, "MySQL alone")
    program = "'^python3 -m jiucom_backup .*restore newest'"
    first.run(f"pkill -TERM -f {program}")
    wait_for(lambda: not first.run(f"pgrep -f {program}", check=False), 300, "the end of the restore")
    assert cluster.services() == numbers
    wait_for(lambda: posts(cluster, kept) == [200], 60, "the post is there")
    assert "jiucom-restore" not in first.run("docker ps --all --format '{{.Names}}'")
