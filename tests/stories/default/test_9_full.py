"""MySQL's volume is full for a while: no data is damaged, and writes go on once there is space (E3)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import httpx
import pytest
from hosts import Host, wait_for
from loads import load, rows

DATA = "$(docker volume inspect --format '{{.Mountpoint}}' jiucom_mysql-data)"
SMALL, SPARE_MB = "/mnt/small", 128


def writes(host: Host, access: str) -> bool:
    """Tell whether a post is taken."""
    body = {"title": "공간", "content": "시험", "boardType": "FREE"}
    headers = {"Authorization": f"Bearer {access}"}
    return httpx.post(f"http://{host.address}/api/v1/posts", json=body, headers=headers, timeout=30).status_code == 201


@pytest.fixture
def small_volume(host: Host) -> Iterator[None]:
    """MySQL's data on a file system of its own, which has little space left."""
    host.run("docker compose stop mysql")
    host.run(
        f"mkdir -p {SMALL} && mount -t tmpfs -o size=$(($(du -sm {DATA} | cut -f1) + {SPARE_MB}))m,mode=0755 full {SMALL}"
    )
    host.run(f"cp -a {DATA}/. {SMALL}/ && chown --reference {DATA} {SMALL} && mount --bind {SMALL} {DATA}")
    host.run("docker compose start mysql")
    host.wait_until_healthy()
    yield
    host.run("docker compose stop mysql")
    host.run(f"umount {DATA} && cp -a {SMALL}/. {DATA}/ && umount {SMALL}")
    host.run("docker compose start mysql")
    host.wait_until_healthy()


@pytest.mark.timeout(1200)
def test_a_full_volume_damages_nothing(host: Host, access: str, small_volume: None) -> None:
    with load(host, access, "full", rate=30) as told:
        host.run(f"dd if=/dev/zero of={SMALL}/ballast bs=64k 2> /dev/null || true")
        wait_for(lambda: not writes(host, access), 120, "refused writes")
        assert host.get("/api/v1/parts/categories")[0] == 200
        host.run(f"rm {SMALL}/ballast")
        # MySQL looks once a minute whether there is space again.
        wait_for(lambda: writes(host, access), 180, "writes again")
    print(f"full: {told['sent']} sent, {told['statuses']} failed, {told['written']} written")
    assert rows(host, "full") >= told["written"] > 0
    assert told["not_json"] == 0
    check = shlex.quote("MYSQL_PWD=$(cat /run/secrets/root_password) mysqlcheck -uroot --silent jiucom")
    assert host.run(f"docker compose exec -T mysql sh -c {check}") == ""
