"""Three versions in a row under load from ten addresses without a lost request; a broken one is refused (docs/operations.md)."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hosts import ROOT, Host, wait_for

RATE = 200
# The limits of one user would end the load; the gateway's are per address, and ten addresses stay below.
LIMITS = ("-e", "api_rate_limit_write=100000")
DEPLOY = "playbooks/deploy.yml"
MAIL, PASSWORD = "load@example.com", "correct-horse-8"


def version(home: Path, name: str, line: str = "") -> tuple[str, str]:
    """Copy the source with a change; returns what a deploy is given."""
    source = home / name
    shutil.copytree(ROOT / "api", source)
    with (source / "jiucom/server.py").open("a") as file:
        file.write(f"\n# {name}\n{line}\n")
    return "-e", f"api_source={source}"


def token(host: Host) -> str:
    """Sign a user up, and return the access token."""
    body = json.dumps({"email": MAIL, "password": PASSWORD, "nickname": "부하"})
    url = f"http://{host.address}/api/v1/auth"
    for path in ("signup", "login"):
        command = ["curl", "-s", "-H", "Content-Type: application/json", "-d", body, f"{url}/{path}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return str(json.loads(answer)["data"]["accessToken"])


@contextmanager
def load(host: Host, access: str, mark: str) -> Iterator[dict[str, Any]]:
    """Load the gateway until the end of the block, from ten addresses of the platform's network; the result is what happened."""
    network = json.loads(host.run("docker network inspect jiucom-network"))[0]
    bridge, base = f"br-{network['Id'][:12]}", network["IPAM"]["Config"][0]["Subnet"].rpartition(".")[0]
    sources = [f"{base}.{last}" for last in range(100, 110)]
    for address in sources:
        host.run(f"ip address replace {address}/24 dev {bridge}")
    subprocess.run(["docker", "cp", str(ROOT / "tests/load/__main__.py"), f"{host.name}:/root/load.py"], check=True)
    command = [
        "docker", "exec", host.name, "python3", "/root/load.py", "--url", f"http://{base}.10", "--rate", str(RATE),
        "--seconds", "1800", "--sockets", "8", "--mark", mark, "--token", access, "--sources", *sources,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = {}
    try:
        time.sleep(3)
        yield told
        time.sleep(3)
    finally:
        host.run("pkill -TERM -f /root/load.py", check=False)
        told |= json.loads(process.communicate(timeout=120)[0])
        for address in sources:
            host.run(f"ip address delete {address}/24 dev {bridge}")


def rows(host: Host, mark: str) -> int:
    """Count the posts of a load."""
    statement = shlex.quote(f"SELECT COUNT(*) FROM posts WHERE title LIKE 'load {mark} %'")  # noqa: S608
    ask = shlex.quote("MYSQL_PWD=$(cat /run/secrets/root_password) mysql -uroot -N jiucom")
    return int(host.run(f"echo {statement} | docker compose exec -T mysql sh -c {ask}"))


@pytest.mark.timeout(2400)
def test_three_deploys_lose_no_request(host: Host, tmp_path: Path) -> None:
    code, output = host.playbook(*LIMITS, playbook=DEPLOY)
    assert code == 0, output[-4000:]
    access = token(host)
    with load(host, access, "deploys") as told:
        for name in ("one", "two", "three"):
            code, output = host.playbook(*LIMITS, *version(tmp_path, name), playbook=DEPLOY)
            assert code == 0, output[-4000:]
    print({key: told[key] for key in ("sent", "written", "failures", "slowest", "closes", "away")})
    assert told["failed"] == []
    assert rows(host, "deploys") == told["written"]
    # Each deploy closes the eight sockets once, and they are back soon: what a client waits is up to two seconds of that.
    assert told["closes"] == [1012] * 24
    assert len(told["away"]) == 24
    assert max(told["away"]) < 5


@pytest.mark.timeout(1200)
def test_a_broken_version_is_refused_and_scaling_loses_no_request(host: Host, tmp_path: Path) -> None:
    access = token(host)
    before = host.run("md5sum compose.yaml .services/app.yaml; docker compose ps --quiet app")
    with load(host, access, "broken") as told:
        code, output = host.playbook(
            *LIMITS, *version(tmp_path, "broken", 'raise SystemExit("broken on purpose")'), playbook=DEPLOY
        )
        assert code != 0
        assert "broken on purpose" in output
        assert host.run("md5sum compose.yaml .services/app.yaml; docker compose ps --quiet app") == before
        for replicas in (3, 1):
            code, output = host.playbook("-e", f"replicas={replicas}", playbook="playbooks/scale.yml")
            assert code == 0, output[-4000:]
            assert len(host.inspect()["app"]) == replicas
    assert told["failed"] == []
    assert rows(host, "broken") == told["written"]


@pytest.mark.timeout(600)
def test_replicas_that_are_started_by_hand_get_requests(host: Host) -> None:
    """The manual's own command; going down by hand is not promised to be lossless."""
    host.run("docker compose up --detach --wait --scale app=3")

    def spread() -> bool:
        for _ in range(30):
            host.get("/api/v1/parts/categories?spread")
        return len({line["upstream"] for line in host.access_log("/api/v1/parts/categories?spread")}) == 3

    wait_for(spread, 20, "requests at three replicas")
    changed, _ = host.apply()
    assert changed > 0
    assert len(host.inspect()["app"]) == 1
