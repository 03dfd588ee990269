"""Why MySQL and Redis do not start or let nobody in is named, on real servers (H2)."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from testing.images import image

from .conftest import Start
from .diagnose import diagnose, told

HEALTH = ("--health-interval", "1s", "--health-cmd", "mysql -uhealth -phealth -h127.0.0.1 -e 'SELECT 1'")
ROOT = "root"
ACCOUNTS = [
    {"service": "app", "user": "jiucom", "file": "app/secrets/db_password", "secret": "database_app_password"},
    {
        "service": "mysql-exporter",
        "user": "exporter",
        "file": "mysql-exporter/secrets/my.cnf",
        "secret": "database_exporter_password",
    },
    {
        "service": "mysql",
        "user": "health",
        "file": "mysql/secrets/health_password",
        "secret": "database_health_password",
    },
]
SECRETS = {
    "app/secrets/db_password": 'app\'s "password"\\',
    "mysql-exporter/secrets/my.cnf": "[client]\nuser = exporter\npassword = exporter\nhost = mysql\n",
    "mysql/secrets/health_password": "health",
    "app/secrets/redis_password": "redis",
    "redis-exporter/secrets/passwords.json": json.dumps({"redis://exporter@redis:6379": "exporter"}),
}


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A directory of an installation with the passwords of its services."""
    for name, text in SECRETS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture
def mysql(start: Start) -> str:
    """A MySQL whose root has no password, as an interrupted first start of the official image leaves it."""
    container = start(
        "mysql", image("mysql"), "-c", "mysqld --initialize-insecure --user=mysql && exec mysqld --user=mysql",
        options=("--entrypoint", "sh", "--user", "0", "--volume", "/var/lib/mysql", *HEALTH),
    )  # fmt: skip
    end = time.monotonic() + 120
    while sql(container, "SELECT 1", password="") != 0:
        assert time.monotonic() < end, subprocess.run(["docker", "logs", container], capture_output=True).stdout[-2000:]
        time.sleep(0.5)
    return container


def sql(container: str, statement: str, password: str = ROOT) -> int:
    """Run a statement as root; returns the exit code."""
    command = [
        "docker",
        "exec",
        "--env",
        f"MYSQL_PWD={password}",
        container,
        "mysql",
        "--user=root",
        f"--execute={statement}",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_mysql(mysql: str, name: str, base: Path) -> None:
    """One fault after the other, two at a time, and none."""

    def seen(version: str = "") -> set[tuple[str, str]]:
        return told(diagnose("database", project=name, path=str(base), accounts=ACCOUNTS, version=version, replicas=[]))

    assert seen() == {("mysql", "first start interrupted")}

    accounts = (
        ("jiucom", "%", "app''s \"password\"\\\\"),
        ("exporter", "%", "exporter"),
        ("health", "127.0.0.1", "health"),
    )
    for user, host, password in accounts:
        assert sql(mysql, f"CREATE USER '{user}'@'{host}' IDENTIFIED BY '{password}'", password="") == 0
    assert sql(mysql, "ALTER USER root@localhost IDENTIFIED BY 'root'", password="") == 0
    assert seen() == set()

    assert sql(mysql, "ALTER USER jiucom IDENTIFIED BY 'another'") == 0
    assert seen() == {("app", "secret rejected")}
    (base / "mysql-exporter/secrets/my.cnf").write_text("[client]\nuser = exporter\npassword = wrong\nhost = mysql\n")
    assert seen() == {("app", "secret rejected"), ("mysql-exporter", "MySQL exporter refused")}
    (base / "app/secrets/db_password").write_text("another")
    (base / "mysql-exporter/secrets/my.cnf").write_text(
        "[client]\nuser = exporter\npassword = exporter\nhost = somewhere\n"
    )
    end = time.monotonic() + 60
    while seen() != {("mysql-exporter", "MySQL exporter refused")}:
        assert time.monotonic() < end, seen()
        time.sleep(1)
    (base / "mysql-exporter/secrets/my.cnf").write_text(SECRETS["mysql-exporter/secrets/my.cnf"])
    assert sql(mysql, "ALTER USER health@'127.0.0.1' IDENTIFIED BY 'other'") == 0
    assert seen() == {("mysql", "secret rejected")}


def test_a_volume_of_another_version(mysql: str, name: str, base: Path) -> None:
    """The data directory's own history says who wrote it last."""
    said = subprocess.run(["docker", "exec", mysql, "mysqld", "--version"], check=True, capture_output=True, text=True)
    version = said.stdout.split()[2].partition("-")[0]

    def seen(image_version: str) -> list[dict[str, Any]]:
        return diagnose("database", project=name, path=str(base), accounts=[], version=image_version, replicas=[])

    assert ("mysql", "MySQL volume of another version") not in told(seen(version))
    subprocess.run(["docker", "stop", mysql], check=True, capture_output=True)
    # As if a newer one had written it.
    change = ["docker", "run", "--rm", "--volumes-from", mysql, "--entrypoint", "sed", "--user", "0", image("mysql")]
    subprocess.run([*change, "-i", f"s/{version}/99.0.0/g", "/var/lib/mysql/mysql_upgrade_history"], check=True)
    found = seen(version)
    assert told(found) == {("mysql", "MySQL volume of another version")}
    assert f"the image is {version}" in found[0]["seen"]


REFUSAL = "[ERROR] [MY-014060] [Server] Invalid MySQL server downgrade: Cannot downgrade from 90704 to 80043."


def test_a_volume_of_another_mysql_version_is_named(start: Start, name: str, base: Path) -> None:
    start(
        "mysql", image("python"), "-c", f"print({REFUSAL!r}); raise SystemExit(1)", options=("--entrypoint", "python3")
    )

    def look() -> list[dict[str, Any]]:
        return diagnose("database", project=name, path=str(base), accounts=[], version="8.0.43", replicas=[])

    end = time.monotonic() + 30
    while not (found := look()):
        assert time.monotonic() < end
        time.sleep(0.3)
    assert told(found) == {("mysql", "MySQL volume of another version")}
    assert "Cannot downgrade from 90704 to 80043" in found[0]["seen"]


def test_redis(start: Start, name: str, base: Path) -> None:
    acl = "user default off resetpass\nuser app on >redis ~* +@all\nuser exporter on >exporter +ping\n"
    (base / "users.acl").write_text(acl)
    accounts = [
        {"service": "app", "user": "app", "file": "app/secrets/redis_password", "secret": "cache_app_password"},
        {
            "service": "redis-exporter",
            "user": "exporter",
            "file": "redis-exporter/secrets/passwords.json",
            "secret": "cache_exporter_password",
        },
    ]
    container = start(
        "redis", image("redis"), "redis-server", "--aclfile", "/users.acl",
        options=("--user", "0", "--volume", f"{base}/users.acl:/users.acl:ro"),
    )  # fmt: skip

    def seen() -> set[tuple[str, str]]:
        return told(diagnose("cache", project=name, path=str(base), accounts=accounts))

    end = time.monotonic() + 30
    ping = ["docker", "exec", container, "redis-cli", "PING"]
    while "NOAUTH" not in subprocess.run(ping, capture_output=True, text=True, check=False).stdout:
        assert time.monotonic() < end
        time.sleep(0.2)
    assert seen() == set()
    (base / "app/secrets/redis_password").write_text("another")
    assert seen() == {("app", "secret rejected")}
    (base / "redis-exporter/secrets/passwords.json").write_text('{"redis://exporter@redis:6379": "wrong"}')
    assert seen() == {("app", "secret rejected"), ("redis-exporter", "secret rejected")}
