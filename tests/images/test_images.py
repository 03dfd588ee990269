"""What compose.yaml uses of the other images: docs/architecture.md, "Images and containers".

Each test starts the service the way compose.yaml does: same user, mounts, variables, command and health check.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import uuid
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from testing.paths import let_pass

from .service import SECRET, SECRET_PLAIN, SEOUL, Directory, Service, Start, eventually, wget


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
    let_pass(tmp_path)
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
        listen 443 ssl;
        ssl_certificate /etc/nginx/tls/gateway.pem; ssl_certificate_key /etc/nginx/tls/gateway.pem;
        ssl_protocols TLSv1.2 TLSv1.3;
        http2 on;
        location ^~ /.well-known/ {{ root /var/lib/challenges; }}
        location = /metrics {{ default_type text/plain; alias /var/lib/jiucom-backup/metrics; }}
        location = /metrics/drift {{ default_type text/plain; alias /var/lib/jiucom-drift/metrics; }}
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


def pair(home: Path) -> str:
    """Make a certificate and its key."""
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=x",
    ]
    subprocess.run([*command, "-keyout", "key", "-out", "chain"], cwd=home, check=True, capture_output=True)
    return (home / "chain").read_text() + (home / "key").read_text()


def test_nginx(start: Start, directory: Directory, tmp_path: Path) -> None:
    start("python", command=["python", "-c", SLOW])
    conf = directory("nginx", {"nginx.conf": NGINX.format(word="OK")}, gid=101)
    users = directory("secrets", {"admin_users": "operator:{SSHA}yrht1iYXEIkejLVu42JWkadd80RzYWx0c2FsdA==\n"}, gid=101)
    tls = directory("tls", {"gateway.pem": pair(tmp_path)}, gid=101)
    challenges = directory("challenges", {".well-known/word": "challenge"}, gid=101)
    metrics = directory("metrics", {"metrics": "jiucom_backup_failed 0"}, gid=101)
    drift = directory("drift", {"metrics": "jiucom_drift 0"}, gid=101)
    nginx = start(
        "nginx",
        user="101:101",
        entrypoint=["nginx", "-c", "/etc/nginx/jiucom/nginx.conf", "-g", "daemon off;"],
        environment=SEOUL,
        mounts={
            "/etc/nginx/jiucom": conf, "/run/secrets": users, "/etc/nginx/tls": tls, "/var/lib/challenges": challenges,
            "/var/lib/jiucom-backup": metrics, "/var/lib/jiucom-drift": drift,
        },
    )  # fmt: skip
    nginx.healthy(wget(80, "/health", "OK"))
    assert nginx.owner() == (101, 101)
    assert {80, 443} <= set(nginx.listens())
    assert nginx.http(80, "/.well-known/word")[:2] == (200, "challenge")
    assert nginx.http(80, "/metrics")[:2] == (200, "jiucom_backup_failed 0")
    assert nginx.http(80, "/metrics/drift")[:2] == (200, "jiucom_drift 0")
    assert ssl.get_server_certificate((nginx.address(), 443)).strip() in Path(tls, "gateway.pem").read_text()
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
            "GF_SECURITY_CONTENT_SECURITY_POLICY": "true",
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
    status, body, headers = grafana.http(3000, "/grafana/login")
    assert (status, '<html lang="en' in body) == (200, True)
    assert "script-src" in headers["content-security-policy"]
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
