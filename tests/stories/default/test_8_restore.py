"""A host is lost under writes, with everything on it but what was copied off it; another one gets the data back."""

from __future__ import annotations

import json
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from hosts import Host
from lasting import PERSON, api, picture, sql, upload

SWITCHES = ["-e", "backup_enabled=true", "-e", "backup_binlog_seconds=2"]
WRITERS = 4


@dataclass
class Load:
    """People who write posts all the time; what the API acknowledged, and when."""

    host: Host
    acknowledged: dict[int, float] = field(default_factory=dict)
    ended: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(WRITERS):
            thread = threading.Thread(target=self.write, args=(number,))
            thread.start()
            self.threads.append(thread)

    def write(self, number: int) -> None:
        person = {**PERSON, "email": f"writer{number}@example.com", "nickname": f"글쓴이{secrets.token_hex(4)}"}
        with api(self.host) as client:
            token = client.post("/auth/signup", json=person).raise_for_status().json()["data"]["accessToken"]
            headers = {"Authorization": f"Bearer {token}"}
            while not self.ended.is_set():
                post = {"boardType": "FREE", "title": f"load {number}", "content": "written under load"}
                try:
                    answer = client.post("/posts", json=post, headers=headers)
                except httpx.TransportError:
                    continue
                if answer.status_code == 201:
                    self.acknowledged[answer.json()["data"]["id"]] = time.time()
                # Below what one person may write in a minute.
                self.ended.wait(0.6)

    def stop(self) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()


@pytest.fixture
def load(host: Host) -> Iterator[Load]:
    """The load, ended with the test."""
    found = Load(host)
    try:
        yield found
    finally:
        found.stop()


def copied(host: Host) -> float:
    """Until when the binary logs are copied, by the metric that an operator sees."""
    lines = host.run("cat backup/metrics/metrics").splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("jiucom_binlog_copied_timestamp_seconds"))


def test_what_was_acknowledged_comes_back_on_another_host(host: Host, load: Load, tmp_path: Path) -> None:
    host.apply(*SWITCHES)
    with api(host) as client:
        client.post(
            "/auth/signup", json={**PERSON, "email": "old@example.com", "nickname": "오래된회원"}
        ).raise_for_status()
    pictures = {path: picture(host, path) for path in (upload(host) for _ in range(5))}
    load.start()
    time.sleep(5)
    began = time.monotonic()
    code, output = host.playbook(*SWITCHES, playbook="playbooks/backup.yml")
    assert code == 0, output[-3000:]
    backup_seconds = time.monotonic() - began
    at_backup = len(load.acknowledged)
    time.sleep(20)

    # The power goes, and with it the volumes; what was copied off them is all that is left.
    host.run("docker compose kill")
    lost_at = time.time()
    load.stop()
    until = copied(host)
    host.run("systemctl stop jiucom-binlog")
    subprocess.run(
        ["docker", "cp", f"{host.name}:/var/backups/jiucom", tmp_path / "copies"], check=True, capture_output=True
    )
    host.run(
        "docker compose down --volumes && cd / && systemctl disable --now jiucom jiucom-backup.timer jiucom-drill.timer"
    )
    host.run("rm -rf /opt/jiucom/* /opt/jiucom/.[a-z]* /var/backups/jiucom")
    host.apply()
    assert host.get("/api/v1/posts?boardType=FREE&keyword=load")[0] == 200
    assert sql(host, "SELECT COUNT(*) FROM posts WHERE title LIKE 'load %'").strip() == "0"

    # It has never seen the first: it gets the archive and the logs, and nothing else.
    host.run("mkdir -p /var/backups/jiucom && chmod 700 /var/backups/jiucom")
    for path in [*(tmp_path / "copies").glob("*.tar*"), tmp_path / "copies/binlog"]:
        subprocess.run(["docker", "cp", path, f"{host.name}:/var/backups/jiucom/"], check=True, capture_output=True)
    began = time.monotonic()
    code, output = host.playbook(
        "-e", "archive=newest", "-e", "until=latest", playbook="playbooks/restore.yml", seconds=1200
    )
    assert code == 0, output[-3000:]
    restore_seconds = time.monotonic() - began

    there = {int(word) for word in sql(host, "SELECT id FROM posts WHERE title LIKE 'load %'").split()}
    missing = {number: when for number, when in load.acknowledged.items() if number not in there}
    promised = [number for number, when in missing.items() if when < until]
    seen = {"acknowledged": len(load.acknowledged), "before the archive": at_backup, "lost": len(missing)}
    seconds = {"stated loss": lost_at - until, "backup": backup_seconds, "restore": restore_seconds}
    print(json.dumps(seen | {f"{name} (s)": round(value, 1) for name, value in seconds.items()}))
    assert at_backup < len(load.acknowledged)
    assert promised == []
    assert lost_at - until < 30
    with api(host) as client:
        answer = client.post("/auth/login", json={"email": "old@example.com", "password": PERSON["password"]})
        assert answer.status_code == 200, answer.text
    assert {path: picture(host, path) for path in pictures} == pictures
    assert {status for status, _ in pictures.values()} == {200}
    host.wait_until_healthy()
