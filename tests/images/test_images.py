"""Everything that compose.yaml uses of an image: docs/architecture.md, "Images and containers".

Each test starts the service the way compose.yaml does: same user, mounts, variables, command and health check.
"""

from __future__ import annotations

import gzip
import json
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from .service import SECRET, Directory, Service, Start, eventually

REPOSITORY = Path(__file__).parents[2]

# The entry point of the official MySQL puts root's password into SQL and into an option file as it is.
ROOT = "a-secret-of-root"
# The exporter's own reader of option files takes neither quotes nor comment signs.
SECRET_PLAIN = "a-secret-of-the-exporter"
SEOUL = {"TZ": "Asia/Seoul"}
MYSQL_HEALTH = "mysql --defaults-extra-file=/run/secrets/health.cnf --connect-timeout=3 -N -e 'SELECT 1' | grep -qx 1"
ACL = """user default off
user health on >{0} -@all +ping
user exporter on >{0} -@all +info +ping
user app on >{0} ~* +@all
"""


def wget(port: int, path: str, wanted: str) -> str:
    return f"wget -q -O - -T 3 http://127.0.0.1:{port}{path} | grep -q '{wanted}'"


def quoted(text: str) -> str:
    """Text as a value of a MySQL option file."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def start_mysql(start: Start, directory: Directory, **init: str | bytes) -> Service:
    account = SECRET.replace("\\", "\\\\").replace("'", "''")
    files: dict[str, str | bytes] = {
        # Not executable, so it is read by the entry point's own shell, as the deployment's is.
        "10-accounts.sh": f"""
MYSQL_PWD="$(cat /run/secrets/root_password)" mysql --protocol=socket --user=root <<'SQL'
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


REDIS_HEALTH = 'REDISCLI_AUTH="$(cat /run/secrets/health_password)" redis-cli --user health ping | grep -qx PONG'
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
    assert redis.stop() == 0
    redis.restart()
    redis.healthy(REDIS_HEALTH)
    assert redis.out(f"{as_app} get key").strip() == "value"


def wheel(path: Path) -> None:
    """Write the smallest wheel there can be."""
    info = "probe-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("probe.py", "answer = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: probe\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", f"probe.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


UNTIL_TERM = """
import signal
signal.signal(signal.SIGTERM, lambda *_: exit(0))
signal.pause()
"""


def test_python(start: Start, tmp_path: Path) -> None:
    tmp_path.parent.chmod(0o755)
    tmp_path.chmod(0o755)
    wheel(tmp_path / "probe-1.0-py3-none-any.whl")
    python = start(
        "python",
        user="10001:10001",
        command=["python", "-c", UNTIL_TERM],
        mounts={"/wheels": str(tmp_path)},
    )
    assert python.out("python -c 'import sys; print(*sys.version_info[:2])'").strip() == "3 13"
    assert python.owner() == (10001, 10001)
    python.out("python -m venv /tmp/venv && /tmp/venv/bin/pip install -q --no-index --find-links /wheels probe")
    assert python.out("/tmp/venv/bin/python -c 'import probe; print(probe.answer)'").strip() == "42"
    for module in ("ssl", "sqlite3", "ctypes", "zlib", "lzma", "bz2"):
        python.out(f"python -c 'import {module}'")
    assert python.stop() == 0


NGINX = """
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log /dev/stdout;
    client_body_temp_path /tmp/client_body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    gzip on; gzip_types application/json;
    resolver 127.0.0.11 valid=2s ipv6=off;
    limit_req_zone $binary_remote_addr zone=clients:1m rate=1r/m;
    map $http_upgrade $upgraded {{ default upgrade; "" close; }}
    upstream app {{ zone app 64k; server python:8080 resolve; }}
    server {{
        listen 80;
        set_real_ip_from 10.0.0.0/8;
        real_ip_header X-Forwarded-For;
        location = /closed {{ auth_basic x; auth_basic_user_file /run/secrets/admin_users; alias /etc/nginx/jiucom/nginx.conf; }}
        location = /health {{ return 200 "{word}\\n"; }}
        location /limited/ {{ limit_req zone=clients nodelay; limit_req_status 429; proxy_pass http://app/; }}
        location /app/ {{
            proxy_pass http://app/; proxy_http_version 1.1; proxy_connect_timeout 1s;
            proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgraded;
        }}
    }}
}}
"""
SLOW = """
import http.server, time
class Slow(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        time.sleep(2)
        self.send_response(200); self.send_header("Content-Length", "4"); self.end_headers(); self.wfile.write(b"slow")
http.server.ThreadingHTTPServer(("", 8080), Slow).serve_forever()
"""


def test_nginx(start: Start, directory: Directory) -> None:
    start("python", command=["python", "-c", SLOW])
    conf = directory("nginx", {"nginx.conf": NGINX.format(word="OK")}, gid=101)
    users = directory("secrets", {"admin_users": "operator:{SSHA}yrht1iYXEIkejLVu42JWkadd80RzYWx0c2FsdA==\n"}, gid=101)
    nginx = start(
        "nginx",
        user="101:101",
        entrypoint=["nginx", "-c", "/etc/nginx/jiucom/nginx.conf", "-g", "daemon off;"],
        environment=SEOUL,
        mounts={"/etc/nginx/jiucom": conf, "/run/secrets": users},
    )
    nginx.healthy(wget(80, "/health", "OK"))
    assert nginx.owner() == (101, 101)
    assert 80 in nginx.listens()
    nginx.out("nginx -t -q -c /etc/nginx/jiucom/nginx.conf -g 'daemon off;'")
    assert eventually(lambda: nginx.http(80, "/app/")[1] == "slow")
    assert [nginx.http(80, "/limited/")[0] for _ in range(2)] == [200, 429]
    assert nginx.http(80, "/closed")[0] == 401
    assert nginx.http(80, "/closed", headers={"Authorization": "Basic b3BlcmF0b3I6cGFzc3dvcmQ="})[0] == 200

    directory("nginx", {"nginx.conf": NGINX.format(word="AGAIN")}, gid=101)
    nginx.container.kill("HUP")
    nginx.healthy(wget(80, "/health", "AGAIN"))

    # A request in flight is answered before a stopped gateway ends.
    nginx.sh("(wget -q -O /tmp/answer -T 9 http://127.0.0.1/app/; cp /tmp/answer /tmp/done) >/dev/null 2>&1 &")
    eventually(lambda: "ESTABLISHED" if " 01 " in nginx.out("cat /proc/net/tcp") else "")
    started = time.monotonic()
    nginx.container.kill("QUIT")
    assert nginx.container.wait()["StatusCode"] == 0
    assert time.monotonic() - started > 0.5
    assert '"GET /app/ HTTP/1.1" 200 4' in nginx.logs().splitlines()[-1]
    assert nginx.config().get("StopSignal") == "SIGQUIT"


PROMETHEUS = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: {job}
    static_configs: [{{targets: ["localhost:9090"]}}]
"""


def query(prometheus: Service, expression: str) -> list[dict[str, Any]]:
    status, body, _ = prometheus.http(9090, f"/api/v1/query?query={quote(expression)}")
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["data"]["result"]
    return found


def test_prometheus(start: Start, directory: Directory) -> None:
    conf = directory("prometheus", {"prometheus.yml": PROMETHEUS.format(job="first")}, gid=65534)
    prometheus = start(
        "prometheus",
        user="65534:65534",
        command=[
            "--config.file=/etc/prometheus/prometheus.yml",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=15d",
        ],
        data="/prometheus",
        mounts={"/etc/prometheus": conf},
    )
    prometheus.healthy(wget(9090, "/-/ready", "Ready"))
    assert prometheus.owner() == (65534, 65534)
    assert 9090 in prometheus.listens()
    prometheus.out("promtool check config /etc/prometheus/prometheus.yml")
    eventually(lambda: query(prometheus, 'up{job="first"} == 1'))

    directory("prometheus", {"prometheus.yml": PROMETHEUS.format(job="second")}, gid=65534)
    prometheus.container.kill("HUP")
    eventually(lambda: query(prometheus, 'up{job="second"} == 1'))
    assert prometheus.stop() == 0
    prometheus.restart()
    prometheus.healthy(wget(9090, "/-/ready", "Ready"))
    assert query(prometheus, 'last_over_time(up{job="first"}[1h])'), "the data did not outlive the container"


DATASOURCE = """
apiVersion: 1
datasources:
  - {name: Prometheus, type: prometheus, uid: prometheus, access: proxy, url: "http://prometheus:9090", isDefault: true}
"""
PROVIDER = """
apiVersion: 1
providers:
  - {name: files, type: file, options: {path: /var/lib/grafana/dashboards}}
"""


def test_grafana(start: Start, directory: Directory) -> None:
    dashboard = {"uid": "probe", "title": "계기판", "schemaVersion": 39, "panels": []}
    provisioning: dict[str, str | bytes] = {"datasources/p.yml": DATASOURCE, "dashboards/d.yml": PROVIDER}
    grafana = start(
        "grafana",
        user="472:0",
        environment={
            "GF_SECURITY_ADMIN_USER": "admin",
            "GF_SECURITY_ADMIN_PASSWORD__FILE": "/run/secrets/admin_password",
            "GF_SERVER_ROOT_URL": "http://localhost/grafana/",
            "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
            "GF_ANALYTICS_REPORTING_ENABLED": "false",
            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
            "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
            "GF_NEWS_NEWS_FEED_ENABLED": "false",
            "GF_PLUGINS_PREINSTALL_DISABLED": "true",
            "GF_USERS_DEFAULT_LANGUAGE": "en-US",
            **SEOUL,
        },
        data="/var/lib/grafana",
        mounts={
            "/etc/grafana/provisioning": directory("provisioning", provisioning),
            "/var/lib/grafana/dashboards": directory("dashboards", {"probe.json": json.dumps(dashboard)}),
            "/run/secrets": directory("grafana-secrets", {"admin_password": SECRET}, uid=472),
        },
    )
    grafana.healthy(wget(3000, "/grafana/api/health", '"database": *"ok"'))
    assert grafana.owner() == (472, 0)
    assert 3000 in grafana.listens()
    status, body, _ = grafana.http(3000, "/grafana/login")
    assert (status, '<html lang="en' in body) == (200, True)
    assert grafana.out("date +%z").strip() == "+0900"
    assert grafana.http(3000, "/grafana/api/search")[0] == 401
    wrong = {"user": "admin", "password": "wrong"}
    assert grafana.http(3000, "/grafana/login", "POST", wrong)[0] == 401
    status, body, headers = grafana.http(3000, "/grafana/login", "POST", {"user": "admin", "password": SECRET})
    assert status == 200, body
    session = {"Cookie": headers["set-cookie"].split(";")[0]}
    status, body, _ = grafana.http(3000, "/grafana/api/dashboards/uid/probe", headers=session)
    assert (status, json.loads(body)["dashboard"]["title"]) == (200, "계기판")
    status, body, _ = grafana.http(3000, "/grafana/api/datasources", headers=session)
    assert [source["uid"] for source in json.loads(body)] == ["prometheus"]
    assert grafana.stop() == 0


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


def test_zipkin(start: Start) -> None:
    zipkin = start(
        "zipkin",
        user="1000:1000",
        environment={
            "STORAGE_TYPE": "mem",
            "MEM_MAX_SPANS": "1000",
            "JAVA_OPTS": "-Xms96m -Xmx160m -XX:+ExitOnOutOfMemoryError",
        },
        tmpfs={"/tmp": ""},
        mem_limit="512m",
        memswap_limit="512m",
    )
    zipkin.healthy(wget(9411, "/health", "UP"), 90)
    assert zipkin.owner() == (1000, 1000)
    assert {"-Xms96m", "-Xmx160m", "-XX:+ExitOnOutOfMemoryError"} <= set(zipkin.program())
    assert 9411 in zipkin.listens()
    assert zipkin.http(9411, "/zipkin/")[0] == 200
    trace = uuid.uuid4().hex
    span = {"traceId": trace, "id": trace[:16], "name": "probe", "timestamp": int(time.time() * 1e6), "duration": 10}
    assert zipkin.http(9411, "/api/v2/spans", "POST", [span])[0] == 202
    eventually(lambda: zipkin.http(9411, f"/api/v2/trace/{trace}")[0] == 200)
    assert json.loads(zipkin.http(9411, f"/api/v2/trace/{trace}")[1])[0]["name"] == "probe"
    assert zipkin.stop() in (0, 143)


ALERTMANAGER = """
route: {receiver: nobody}
receivers: [{name: nobody}]
"""


def test_alertmanager(start: Start, directory: Directory) -> None:
    alertmanager = start(
        "alertmanager",
        user="65534:65534",
        command=[
            "--config.file=/etc/alertmanager/alertmanager.yml",
            "--storage.path=/alertmanager",
            "--cluster.listen-address=",
        ],
        environment=SEOUL,
        data="/alertmanager",
        mounts={
            "/etc/alertmanager": directory("alertmanager", {"alertmanager.yml": ALERTMANAGER}, gid=65534),
            "/run/secrets": directory("alertmanager-secrets", {"smtp_password": SECRET_PLAIN}, uid=65534, gid=65534),
        },
    )
    alertmanager.healthy(wget(9093, "/-/ready", "^OK$"))
    assert alertmanager.out("cat /run/secrets/smtp_password") == SECRET_PLAIN
    assert alertmanager.owner() == (65534, 65534)
    assert alertmanager.listens() & {9093, 9094} == {9093}
    alertmanager.out("amtool check-config /etc/alertmanager/alertmanager.yml")
    assert alertmanager.stop() == 0


def test_node_exporter(start: Start) -> None:
    exporter = start(
        "node-exporter",
        user="59100:59100",
        command=[
            "--path.rootfs=/host",
            "--path.procfs=/host/proc",
            "--path.sysfs=/host/sys",
            "--collector.disable-defaults",
            "--collector.meminfo",
        ],
        mounts={"/host": "/"},
    )
    exporter.healthy("wget -q -O - -T 3 http://127.0.0.1:9100/metrics | grep -c '^node_memory_MemTotal_bytes '")
    assert exporter.owner() == (59100, 59100)
    assert 9100 in exporter.listens()
    assert "node_network" not in exporter.http(9100, "/metrics")[1]
    assert exporter.stop() != 137


STATUS = """
pid /tmp/nginx.pid;
events {}
http {
    client_body_temp_path /tmp/client_body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
    server { listen 8081; location = /stub_status { stub_status; } }
}
"""


def test_nginx_exporter(start: Start, directory: Directory) -> None:
    nginx = start(
        "nginx",
        user="101:101",
        entrypoint=["nginx", "-c", "/etc/nginx/jiucom/nginx.conf", "-g", "daemon off;"],
        mounts={"/etc/nginx/jiucom": directory("nginx", {"nginx.conf": STATUS}, gid=101)},
    )
    exporter = start(
        "nginx-exporter",
        user="1001:1001",
        command=["--nginx.scrape-uri=http://nginx:8081/stub_status"],
    )
    exporter.healthy(wget(9113, "/metrics", "^nginx_up 1$"))
    assert exporter.owner() == (1001, 1001)
    assert 9113 in exporter.listens()
    nginx.stop()
    assert exporter.sh(wget(9113, "/metrics", "^nginx_up 1$"))[0] != 0
    assert exporter.stop() != 137
