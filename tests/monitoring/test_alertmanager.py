"""From a stopped API to a mail and a message, and back (H3.4): what the role writes, on real Prometheus and Alertmanager."""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
import yaml
from aiosmtpd.controller import Controller
from docker.models.containers import Container

from testing.images import image
from testing.paths import let_pass

from .conftest import eventually, free_port, run_monitoring
from .test_report import Inbox

SERVICES = {"prometheus": 9090, "alertmanager": 9093}
# As much of an API as Prometheus needs.
API = """
from http.server import BaseHTTPRequestHandler, HTTPServer
class Metrics(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/api/v1/actuator/prometheus" else 404)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"jiucom_threads 12\\n")
HTTPServer(("", 8080), Metrics).serve_forever()
"""


@pytest.fixture(scope="module")
def alertmanager_image() -> str:
    try:
        return image("alertmanager")
    except LookupError as missing:
        pytest.fail(str(missing))


class Stage:
    """Prometheus, Alertmanager and an API in a network of their own; who is told, on the host."""

    def __init__(self, home: Path, images: dict[str, str]) -> None:
        self.client = docker.from_env()
        self.network = self.client.networks.create(f"monitoring-test-{home.name}-{secrets.token_hex(4)}")
        self.network.reload()
        self.gateway = self.network.attrs["IPAM"]["Config"][0]["Gateway"]
        self.home, self.images = home, images
        self.inbox, self.messages = Inbox(), list[dict[str, Any]]()
        self.containers: dict[str, Container] = {}
        self.smtp = Controller(self.inbox, hostname=self.gateway, port=free_port())
        self.smtp.start()
        self.webhook = self._webhook()

    def _webhook(self) -> ThreadingHTTPServer:
        messages = self.messages

        class Hook(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")  # what Slack says; anything else is a failure to Alertmanager

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer((self.gateway, 0), Hook)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server

    def configure(self, **changed: Any) -> None:
        """Run the role as the platform's play does, a second's pace apart."""
        variables = {
            "images_resolved": {
                name: {"reference": image, "pull_policy": "", "product": name} for name, image in self.images.items()
            },
            "monitoring_scrape_interval": "1s",
            "monitoring_scrape_timeout": "1s",
            "monitoring_alertmanager_enabled": True,
            "monitoring_alertmanager_slack_url": f"http://{self.gateway}:{self.webhook.server_port}/hook",
            "monitoring_alertmanager_mail_to": ["operators@jiucom.example"],
            "monitoring_smtp_host": self.gateway,
            "monitoring_smtp_port": self.smtp.port,
            "monitoring_smtp_starttls": False,
            "monitoring_smtp_from": "alerts@jiucom.example",
            "monitoring_runbook_url": "https://git.jiucom.example/main/",
        }
        done = run_monitoring(self.home, variables | changed)
        assert done.returncode == 0, done.stdout

    def run(self, name: str, image: str, mounts: dict[str, str], **options: Any) -> None:
        volumes = {str(self.home / host): {"bind": inside, "mode": "ro"} for host, inside in mounts.items()}
        aliases = {str(self.network.name): self.client.api.create_endpoint_config(aliases=[name])}
        container = self.client.containers.create(
            image, network=self.network.name, networking_config=aliases, volumes=volumes, **options
        )
        self.containers[name] = container
        container.start()

    def ask(self, service: str, path: str, **data: Any) -> Any:
        container = self.containers[service]
        container.reload()
        address = container.attrs["NetworkSettings"]["Networks"][self.network.name]["IPAddress"]
        answer = httpx.request("POST" if data else "GET", f"http://{address}:{SERVICES[service]}/api/{path}", **data)
        return answer.raise_for_status().json() if answer.content else None

    def up(self) -> bool:
        found = self.ask("prometheus", "v1/targets?state=active")["data"]["activeTargets"]
        return any(target["labels"]["job"] == "jiucom-api" and target["health"] == "up" for target in found)

    def close(self) -> None:
        for container in self.containers.values():
            container.remove(force=True, v=True)
        self.smtp.stop()
        self.webhook.shutdown()
        self.network.remove()
        self.client.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, prometheus_image: str, alertmanager_image: str) -> Iterator[Stage]:
    home = tmp_path_factory.mktemp("alerts")
    let_pass(home)  # the containers' users
    built = Stage(
        home, {"prometheus": prometheus_image, "alertmanager": alertmanager_image, "grafana": image("grafana")}
    )
    try:
        built.configure()
        built.run("app", image("python"), {}, entrypoint=["python3", "-c", API])
        mounts = {"jiucom/alertmanager/conf": "/etc/alertmanager", "jiucom/alertmanager/secrets": "/run/secrets"}
        built.run("alertmanager", alertmanager_image, mounts, user="65534:65534")
        config = ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
        built.run("prometheus", prometheus_image, {"jiucom/prometheus/conf": "/etc/prometheus"}, command=config)
        eventually(built.up)
        yield built
    finally:
        built.close()


def test_a_stopped_api_is_told_and_so_is_its_return(stage: Stage) -> None:
    told = len(stage.messages), len(stage.inbox.mails)
    assert told == (0, 0)
    stage.containers["app"].stop(timeout=0)
    # 15 s of patience, then a scrape, two evaluations and the delivery at a second's pace.
    eventually(lambda: stage.messages and stage.inbox.mails, 30)
    (attachment,) = stage.messages[0]["attachments"]
    assert attachment["title"] == "[경보 1] ApiDown · JIUCOM"
    assert "API가 응답하지 않습니다" in attachment["text"]
    assert "https://git.jiucom.example/main/docs/ko/runbook.md#apidown" in attachment["text"]
    assert attachment["title_link"] == "https://git.jiucom.example/main/docs/ko/runbook.md#apidown"
    assert attachment["color"] == "danger"
    mail = stage.inbox.mails[0]
    assert (mail["To"], mail["Subject"]) == ("operators@jiucom.example", "[경보 1] ApiDown · JIUCOM")
    body = mail.get_body(("plain",))
    assert body is not None
    assert "No replica of the API answers" in body.get_content()

    stage.containers["app"].start()
    eventually(lambda: any("해소" in message["attachments"][0]["title"] for message in stage.messages), 60)
    eventually(lambda: any("해소" in mail["Subject"] for mail in stage.inbox.mails), 60)
    assert {message["attachments"][0]["title"].split("] ")[1] for message in stage.messages} == {"ApiDown · JIUCOM"}


def test_an_api_that_is_down_silences_its_own_other_alerts(stage: Stage) -> None:
    begun = datetime.now().astimezone()
    alerts = [
        {"alertname": "ApiDown", "job": "jiucom-api", "severity": "critical"},
        {"alertname": "LatencyHigh", "job": "jiucom-api", "severity": "warning"},
        {"alertname": "StoreDown", "job": "mysql-exporter", "severity": "critical"},
    ]
    ends = (begun + timedelta(minutes=5)).isoformat()
    body = [{"labels": labels, "startsAt": begun.isoformat(), "endsAt": ends} for labels in alerts]
    stage.ask("alertmanager", "v2/alerts", json=body)

    def states() -> dict[str, str]:
        found = stage.ask("alertmanager", "v2/alerts")
        return {item["labels"]["alertname"]: item["status"]["state"] for item in found}

    wanted = {"ApiDown": "active", "LatencyHigh": "suppressed", "StoreDown": "active"}
    eventually(lambda: wanted.items() <= states().items(), 60)


def test_secrets_are_files_of_the_container_s_user_alone(stage: Stage) -> None:
    secret = stage.home / "jiucom/alertmanager/secrets/slack_url"
    assert (secret.stat().st_mode & 0o777, secret.stat().st_uid) == (0o400, 65534)
    assert "hook" in secret.read_text()
    assert "/hook" not in (stage.home / "jiucom/alertmanager/conf/alertmanager.yml").read_text()


def test_secrets_that_are_no_longer_set_are_removed(stage: Stage) -> None:
    secrets = stage.home / "jiucom/alertmanager/secrets"
    stage.configure(monitoring_smtp_username="jiucom", monitoring_smtp_password="changed later")
    assert sorted(file.name for file in secrets.iterdir()) == ["slack_url", "smtp_password"]
    stage.configure(monitoring_alertmanager_slack_url="")
    assert list(secrets.iterdir()) == []


@pytest.mark.parametrize(
    ("port", "starttls", "asked"),
    [(587, True, True), (465, True, False), ("465", "true", False), ("587", "false", False)],
)
def test_starttls_is_asked_for_where_it_is_wanted(stage: Stage, port: object, starttls: object, asked: bool) -> None:
    """Port 465 is encrypted from the start, and has no STARTTLS. Numbers and booleans may come as texts."""
    config = stage.home / "jiucom/alertmanager/conf/alertmanager.yml"
    stage.configure(monitoring_smtp_port=port, monitoring_smtp_starttls=starttls)
    assert yaml.safe_load(config.read_text())["global"]["smtp_require_tls"] is asked
