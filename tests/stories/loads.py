"""Load on a host's gateway while something happens, and what of it is in the database afterwards."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hosts import ROOT, Host

# The limits of one user would end the load; the gateway's are per address, and ten addresses stay below.
LIMITS = ("-e", "api_rate_limit_write=100000")
MAIL, PASSWORD = "load@example.com", "correct-horse-8"


def token(host: Host) -> str:
    """Sign a user up, and return the access token."""
    body = json.dumps({"email": MAIL, "password": PASSWORD, "nickname": "부하"})
    url = f"http://{host.address}/api/v1/auth"
    for path in ("signup", "login"):
        command = ["curl", "-s", "-H", "Content-Type: application/json", "-d", body, f"{url}/{path}"]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return str(json.loads(answer)["data"]["accessToken"])


@contextmanager
def load(
    host: Host,
    access: str,
    mark: str,
    rate: int = 200,
    outside: bool = False,
    scheme: str = "http",
    reads: tuple[str, ...] = (),
) -> Iterator[dict[str, Any]]:
    """Load the gateway until the end of the block; the result is what happened, as tests/load says it.

    The load comes from ten addresses of the platform's network; with `outside`, from this machine, whose single address has the
    gateway's limit, and which goes on when the host does not. `reads` are the paths that are read, if not the usual ones, which
    want the demo's data.
    """
    options = ["--rate", str(rate), "--seconds", "1800", "--mark", mark, "--token", access]
    options += ["--reads", *reads] if reads else []
    script = ROOT / "tests/load/__main__.py"
    if outside:
        given = ["--url", f"http://{host.address}", "--sources", "0.0.0.0", *options]
        with running([sys.executable, str(script), *given]) as told:
            yield told
        return
    network = json.loads(host.run("docker network inspect jiucom-network"))[0]
    bridge, base = f"br-{network['Id'][:12]}", network["IPAM"]["Config"][0]["Subnet"].rpartition(".")[0]
    sources = [f"{base}.{last}" for last in range(100, 110)]
    for address in sources:
        host.run(f"ip address replace {address}/24 dev {bridge}")
    subprocess.run(["docker", "cp", str(script), f"{host.name}:/root/load.py"], check=True)
    given = ["--url", f"{scheme}://{base}.10", "--sockets", "8", "--sources", *sources, *options]
    try:
        end = ["docker", "exec", host.name, "pkill", "-TERM", "-f", "/root/load.py"]
        with running(["docker", "exec", host.name, "python3", "/root/load.py", *given], end) as told:
            yield told
    finally:
        for address in sources:
            host.run(f"ip address delete {address}/24 dev {bridge}")


@contextmanager
def running(command: list[str], end: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Run the load while the block runs; `end` is the command that ends it, without one a signal does."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    told: dict[str, Any] = {}
    try:
        time.sleep(3)
        yield told
        time.sleep(3)
    finally:
        if end:
            subprocess.run(end, check=False)
        else:
            process.terminate()
        told |= json.loads(process.communicate(timeout=120)[0])


def rows(host: Host, mark: str) -> int:
    """Count the posts of a load."""
    statement = shlex.quote(f"SELECT COUNT(*) FROM posts WHERE title LIKE 'load {mark} %'")  # noqa: S608
    ask = shlex.quote("MYSQL_PWD=$(cat /run/secrets/root_password) mysql -uroot -N jiucom")
    return int(host.run(f"echo {statement} | docker compose exec -T mysql sh -c {ask}"))
