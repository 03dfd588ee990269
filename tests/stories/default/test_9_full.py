"""MySQL's volume is full for a while: no data is damaged, and writes go on once there is space (E3)."""

from __future__ import annotations

import shlex

import httpx
import pytest
from disks import small_volume
from hosts import Host, wait_for
from loads import load, rows

SPARE_MB = 128


def writes(host: Host, access: str) -> bool:
    """Tell whether a post is taken."""
    body = {"title": "공간", "content": "시험", "boardType": "FREE"}
    headers = {"Authorization": f"Bearer {access}"}
    return httpx.post(f"http://{host.address}/api/v1/posts", json=body, headers=headers, timeout=30).status_code == 201


@pytest.mark.timeout(1200)
def test_a_full_volume_damages_nothing(host: Host, access: str) -> None:
    with (
        small_volume(host, "mysql", "jiucom_mysql-data", SPARE_MB) as disk,
        load(host, access, "full", rate=30) as told,
    ):
        disk.fill(0)
        wait_for(lambda: not writes(host, access), 120, "refused writes")
        assert host.get("/api/v1/parts/categories")[0] == 200
        disk.empty()
        # MySQL looks once a minute whether there is space again.
        wait_for(lambda: writes(host, access), 180, "writes again")
    print(f"full: {told['sent']} sent, {told['statuses']} failed, {told['written']} written")
    assert rows(host, "full") >= told["written"] > 0
    assert told["not_json"] == 0
    check = shlex.quote("MYSQL_PWD=$(cat /run/secrets/root_password) mysqlcheck -uroot --silent jiucom")
    assert host.run(f"docker compose exec -T mysql sh -c {check}") == ""
