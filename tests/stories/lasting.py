"""What must outlive a restart of any service: each kind of data is written once, and read before and after.

Redis's own files, MySQL's rows, uploads, Prometheus's samples, the login at the dashboards, the API's counters. Zipkin's traces
are not among them: with its storage in memory they end with its process (E5).
"""

from __future__ import annotations

import hashlib
import io
import secrets
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import yaml
from hosts import ROOT, Host
from PIL import Image

SECRETS = yaml.safe_load((ROOT / "molecule/shared/inventory/group_vars/all/secrets.yml").read_text())
PERSON = {"email": "lasting@example.com", "password": "correct-horse-8", "nickname": "오래가는사람"}

# What one command writes, what a transaction does, and what a script with several effects does: the append-only file keeps each
# of them in another way.
REDIS = """SET lasting:single 1 EX 36000
MULTI
SET lasting:transaction 1
EXPIRE lasting:transaction 36000
EXEC
EVAL "redis.call('INCR', KEYS[1]) redis.call('PEXPIRE', KEYS[1], 36000000)" 1 lasting:script
"""
KEYS = ("lasting:single", "lasting:transaction", "lasting:script")


@dataclass
class Data:
    """One kind of data. `write` is called once, `read` before and after; what it returns must be the same."""

    name: str
    services: set[str]
    write: Callable[[Host], Any]
    read: Callable[[Host, Any], Any]


def redis(host: Host, commands: str) -> list[str]:
    """Run commands as the API's account; returns the lines of the answers."""
    client = f"REDISCLI_AUTH={SECRETS['cache_app_password']} redis-cli --user app"
    output = host.run(
        f"printf %s {shlex.quote(commands)} | docker compose exec -T redis sh -c {shlex.quote(client)}"
    ).splitlines()
    assert not [line for line in output if "NOPERM" in line or "NOAUTH" in line], output
    return output


def expiring(host: Host, keys: list[str]) -> dict[str, tuple[str, str]]:
    """Return value and moment of expiry of keys."""
    answers = redis(host, "".join(f"GET {key}\nPEXPIRETIME {key}\n" for key in keys))
    return {key: (answers[2 * n], answers[2 * n + 1]) for n, key in enumerate(keys)}


def sql(host: Host, statement: str) -> str:
    """Run a statement as MySQL's root, whose password stays inside the container."""
    script = f'MYSQL_PWD="$(cat /run/secrets/root_password)" mysql -uroot -N -e {shlex.quote(statement)} jiucom'
    return host.run(f"docker compose exec -T mysql sh -c {shlex.quote(script)}")


def write_rows(host: Host) -> None:
    """Write rows in a transaction of their own table."""
    sql(
        host,
        "CREATE TABLE IF NOT EXISTS lasting (id INT PRIMARY KEY, word VARCHAR(20)); "
        "START TRANSACTION; REPLACE INTO lasting VALUES (1, '하나'), (2, '둘'); COMMIT",
    )


def api(host: Host) -> httpx.Client:
    """A client of the API, through the gateway."""
    return httpx.Client(base_url=f"http://{host.address}/api/v1", timeout=30)


def upload(host: Host) -> str:
    """Upload a picture as a new user; returns its path."""
    picture = io.BytesIO()
    Image.new("RGB", (16, 16), (200, 120, 60)).save(picture, "PNG")
    email = f"{secrets.token_hex(6)}@example.com"
    with api(host) as client:
        person = {**PERSON, "email": email, "nickname": f"새사람{secrets.token_hex(4)}"}
        token = client.post("/auth/signup", json=person).raise_for_status().json()["data"]["accessToken"]
        answer = client.post(
            "/images/upload",
            files={"file": ("lasting.png", picture.getvalue(), "image/png")},
            headers={"Authorization": f"Bearer {token}"},
        )
    return str(answer.raise_for_status().json()["data"]["url"])


def picture(host: Host, path: str) -> tuple[int, str]:
    """Return status and checksum of an uploaded picture."""
    answer = httpx.get(f"http://{host.address}{path}")
    return answer.status_code, hashlib.sha256(answer.content).hexdigest()


def count_logins(host: Host) -> list[str]:
    """Fail to log in, so that the API counts; returns the keys of its counters."""
    with api(host) as client:
        statuses = {client.post("/auth/login", json=PERSON).status_code for _ in range(3)}
    assert statuses <= {401, 429}, statuses
    return sorted(redis(host, "SCAN 0 MATCH *limit:* COUNT 10000\n")[1:])


def counters(host: Host, keys: list[str]) -> list[str]:
    """Name the counters that never expire: whoever they count would be refused for ever."""
    return [key for key, (value, expiry) in expiring(host, keys).items() if value and expiry == "-1"]


def ask_prometheus(host: Host, path: str) -> Any:
    """Return the data of Prometheus's answer."""
    answer = host.run(f"docker compose exec -T prometheus wget -q -O - 'http://127.0.0.1:9090/api/v1/{path}'")
    return yaml.safe_load(answer)["data"]


def samples(host: Host, moment: float) -> list[str]:
    """List the samples of all targets at a moment in the past."""
    found = ask_prometheus(host, f"query?query=up&time={moment:.0f}")["result"]
    assert found, "no sample at all"
    return sorted(str(series) for series in found)


def log_in(host: Host) -> str:
    """Log in at the dashboards; returns the session's cookie."""
    account = {"user": "admin", "password": SECRETS["monitoring_grafana_admin_password"]}
    answer = httpx.post(f"http://{host.address}:3000/grafana/login", data=account)
    return f"grafana_session={answer.cookies['grafana_session']}"


def logged_in(host: Host, cookie: str) -> int:
    """Ask for something that needs the login; returns the status."""
    url = f"http://{host.address}:3000/grafana/api/dashboards/uid/jiucom-main"
    return httpx.get(url, headers={"Cookie": cookie}).status_code


def now(host: Host) -> float:
    """Return the time of the samples that are compared: those that Prometheus has by now."""
    return time.time()


ALL = (
    Data("redis", {"redis"}, lambda host: redis(host, REDIS), lambda host, _: expiring(host, list(KEYS))),
    Data("rows", {"mysql"}, write_rows, lambda host, _: sql(host, "SELECT * FROM lasting ORDER BY id")),
    Data("samples", {"prometheus"}, now, samples),
    Data("login", {"grafana"}, log_in, logged_in),
    Data("upload", {"app", "nginx"}, upload, picture),
    Data("counters", {"app", "nginx", "redis"}, count_logins, counters),
)


def written(host: Host) -> dict[str, Any]:
    """Write every kind of data for which the host has the services; returns what its readers need, by name."""
    services = host.inspect().keys()
    return {data.name: data.write(host) for data in ALL if data.services <= services}


def read(host: Host, state: dict[str, Any]) -> dict[str, Any]:
    """Read what was written."""
    return {data.name: data.read(host, state[data.name]) for data in ALL if data.name in state}
