"""What compose.yaml uses of the images of MySQL, Redis and their exporters: docs/architecture.md, "Images and containers"."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import yaml

from .service import SECRET, SECRET_PLAIN, SEOUL, Directory, Service, Start, wget

REPOSITORY = Path(__file__).parents[2]
# The entry point of the official MySQL puts root's password into SQL and into an option file as it is.
ROOT = "a-secret-of-root"
MYSQL_HEALTH = "mysql --defaults-extra-file=/run/secrets/health.cnf --connect-timeout=3 -N -e 'SELECT 1' | grep -qx 1"
ACL = """user default off
user health on >{0} -@all +ping +acl|load
user exporter on >{0} -@all +info +ping
user app on >{0} ~* +@all
"""


def quoted(text: str) -> str:
    """Text as a value of a MySQL option file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def start_mysql(start: Start, directory: Directory, **init: str | bytes) -> Service:
    account = SECRET.replace("\\", "\\\\").replace("'", "''")
    files: dict[str, str | bytes] = {
        # Not executable, so it is read by the entry point's own shell, as the deployment's is.
        "10-accounts.sh": f"""
mysql --defaults-extra-file=/dev/fd/3 --protocol=socket 3<<OPTIONS <<'SQL'
[client]
user = root
password = "$(cat /run/secrets/root_password)"
OPTIONS
CREATE USER health@'127.0.0.1' IDENTIFIED BY '{account}';
CREATE USER exporter@'%' IDENTIFIED BY '{account}';
CREATE USER other@'%' IDENTIFIED BY '{account}';
SQL
""",
        "20-table.sql": "CREATE TABLE plain (word VARCHAR(20)); INSERT INTO plain VALUES ('계란');",
        "30-packed.sql.gz": gzip.compress(b"CREATE TABLE packed (n INT); INSERT INTO packed VALUES (7);"),
        **init,
    }
    health = f"[client]\nuser = health\npassword = {quoted(SECRET)}\nhost = 127.0.0.1\nprotocol = tcp\n"
    root = f"[client]\nuser = root\npassword = {quoted(ROOT)}\n"
    secrets: dict[str, str | bytes] = {"root_password": ROOT, "health.cnf": health, "root.cnf": root}
    return start(
        "mysql",
        user="999:999",
        environment={
            "MYSQL_DATABASE": "jiucom",
            "MYSQL_ROOT_PASSWORD_FILE": "/run/secrets/root_password",
            "MYSQL_ROOT_HOST": "localhost",
            **SEOUL,
        },
        data="/var/lib/mysql",
        mounts={
            "/etc/mysql/conf.d": directory("conf.d", {"t.cnf": "[mysqld]\nmax-connections = 77\n"}, gid=999),
            "/docker-entrypoint-initdb.d": directory("init", files, gid=999),
            "/run/secrets": directory("secrets", secrets, gid=999, uid=999),
        },
    )


def sql(mysql: Service, statement: str) -> str:
    return mysql.out(f'mysql --defaults-extra-file=/run/secrets/root.cnf -N -e "{statement}"').strip()


def test_root_has_a_password_that_preflight_lets_through() -> None:
    """These tests run on the official images, too."""
    rules = yaml.safe_load((REPOSITORY / "roles/platform/vars/main/secrets.yml").read_text())["_platform_secrets"]
    assert not set(ROOT) & set(rules["database_root_password"]["without"])
    assert set(SECRET) & set(rules["database_root_password"]["without"]), "the accounts' password is the harder one"


def test_mysql(start: Start, directory: Directory) -> None:
    mysql = start_mysql(start, directory)
    mysql.healthy(MYSQL_HEALTH, 120)
    assert mysql.owner() == (999, 999)
    assert Path(mysql.program()[0]).name == "mysqld"
    assert 3306 in mysql.listens()
    assert sql(mysql, "SELECT word FROM jiucom.plain") == "계란"
    assert sql(mysql, "SELECT n FROM jiucom.packed") == "7"
    assert sql(mysql, "SELECT @@max_connections") == "77"
    assert sql(mysql, "SELECT host FROM mysql.user WHERE user = 'root'") == "localhost"
    assert sql(mysql, "SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())") == "09:00:00"
    assert sql(mysql, "SELECT CONVERT_TZ('2026-01-01 00:00:00', 'UTC', 'Asia/Seoul')") == "2026-01-01 09:00:00"

    sql(mysql, "INSERT INTO jiucom.packed VALUES (8)")
    assert mysql.stop() == 0
    mysql.restart()
    mysql.healthy(MYSQL_HEALTH, 60)
    assert sql(mysql, "SELECT COUNT(*) FROM jiucom.packed") == "2", "the directory was initialised a second time"


def test_mysql_health_check_is_red_without_the_account(start: Start, directory: Directory) -> None:
    mysql = start_mysql(start, directory, **{"90-drop.sql": "DROP USER health@'127.0.0.1';"})
    # The server that initialises is on no network, and must not count as up either.
    up = "mysql --defaults-extra-file=/run/secrets/root.cnf -N -e 'SELECT @@skip_networking' | grep -qx 0"
    mysql.healthy(up, 120)
    assert mysql.sh(MYSQL_HEALTH)[0] != 0


ASK = r"""printf 'AUTH health "%s"\n%s\n' "$(sed 's/["\\]/\\&/g' /run/secrets/health_password)" {} | redis-cli | tail -n +2"""
REDIS_HEALTH = f"{ASK.format('PING')} | grep -qx PONG"
# Redis reads no quotes in an ACL file, so its passwords are words.
REDIS_SECRET = "a-secret-of-redis"


def start_redis(start: Start, directory: Directory) -> Service:
    conf = "bind * -::*\nport 6379\ndir /data\nappendonly yes\naclfile /usr/local/etc/redis/users.acl\n"
    configuration: dict[str, str | bytes] = {"redis.conf": conf, "users.acl": ACL.format(REDIS_SECRET)}
    return start(
        "redis",
        user="999:1000",
        command=["redis-server", "/usr/local/etc/redis/redis.conf"],
        data="/data",
        mounts={
            "/usr/local/etc/redis": directory("redis", configuration, gid=1000),
            "/run/secrets": directory("redis-secrets", {"health_password": REDIS_SECRET}, gid=1000, uid=999),
        },
    )


def test_redis(start: Start, directory: Directory) -> None:
    redis = start_redis(start, directory)
    redis.healthy(REDIS_HEALTH)
    assert redis.owner() == (999, 1000)
    assert redis.program()[0].startswith("redis-server")
    assert 6379 in redis.listens()
    as_app = f"REDISCLI_AUTH={REDIS_SECRET} redis-cli --user app"
    assert redis.out(f"{as_app} set key value").strip() == "OK"
    assert "NOAUTH" in redis.out("redis-cli get key"), "the account file was not read"
    assert redis.out(ASK.format("'ACL LOAD'")).strip() == "OK"
    assert redis.stop() == 0
    redis.restart()
    redis.healthy(REDIS_HEALTH)
    assert redis.out(f"{as_app} get key").strip() == "value"


def test_redis_exporter(start: Start, directory: Directory) -> None:
    redis = start_redis(start, directory)
    redis.healthy(REDIS_HEALTH)
    passwords = json.dumps({"redis://exporter@redis:6379": REDIS_SECRET})
    exporter = start(
        "redis-exporter",
        user="59000:59000",
        environment={
            "REDIS_ADDR": "redis://redis:6379",
            "REDIS_USER": "exporter",
            "REDIS_PASSWORD_FILE": "/run/secrets/passwords.json",
            "REDIS_EXPORTER_CONFIG_COMMAND": "-",
            "REDIS_EXPORTER_EXCLUDE_LATENCY_HISTOGRAM_METRICS": "true",
        },
        mounts={"/run/secrets": directory("exporter", {"passwords.json": passwords}, gid=59000, uid=59000)},
    )
    exporter.healthy(wget(9121, "/metrics", "^redis_up 1$"))
    assert exporter.owner() == (59000, 59000)
    assert 9121 in exporter.listens()
    redis.stop()
    assert exporter.sh(wget(9121, "/metrics", "^redis_up 1$"))[0] != 0
    assert exporter.stop() != 137


def test_mysql_exporter(start: Start, directory: Directory) -> None:
    mysql = start_mysql(start, directory)
    mysql.healthy(MYSQL_HEALTH, 120)
    account = f"[client]\nuser = exporter\npassword = {SECRET_PLAIN}\nhost = mysql\nport = 3306\n"
    sql(mysql, f"ALTER USER exporter@'%' IDENTIFIED BY '{SECRET_PLAIN}'")
    exporter = start(
        "mysql-exporter",
        user="65534:65534",
        command=["--config.my-cnf=/run/secrets/my.cnf", "--no-collect.slave_status"],
        mounts={"/run/secrets": directory("my", {"my.cnf": account}, gid=65534, uid=65534)},
    )
    exporter.healthy(wget(9104, "/metrics", "^mysql_up 1$"))
    assert exporter.owner() == (65534, 65534)
    assert 9104 in exporter.listens()
    mysql.stop()
    assert exporter.sh(wget(9104, "/metrics", "^mysql_up 1$"))[0] != 0
    assert exporter.stop() != 137
