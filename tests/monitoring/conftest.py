"""A real Prometheus with this project's rules, fed by exporters whose counters run at known rates, and board on top.

`IMAGE_PROMETHEUS` names the image of Prometheus; without it, it is the newest that this machine built from packages.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import docker
import httpx
import pytest
import yaml
from prometheus_client import CollectorRegistry, start_http_server

from testing.images import image
from tests.role import run_role

from .exporters import JOBS, Exporter, last_week, past

ROOT = Path(__file__).parents[2]
T = TypeVar("T")
PASSWORD = 'it\'s "secret" %'


def eventually(look: Callable[[], T], seconds: float = 30) -> T:
    """Look until the answer is true, and return it."""
    end = time.monotonic() + seconds
    seen: object = None
    while time.monotonic() < end:
        try:
            if seen := look():
                return seen
        except (httpx.HTTPError, ValueError) as fault:
            seen = fault
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s; last seen: {seen!r}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def run_monitoring(home: Path, variables: dict[str, Any], *options: str) -> subprocess.CompletedProcess[str]:
    """Run the role `monitoring` on this machine, into the directory `jiucom` of `home`."""
    return run_role(
        "monitoring",
        home,
        {"monitoring_grafana_admin_password": "admin", "platform_host": {"volumes": []}} | variables,
        *options,
    )


@pytest.fixture(scope="session")
def prometheus_image() -> str:
    try:
        return image("prometheus")
    except LookupError as missing:
        pytest.fail(str(missing))


@pytest.fixture(scope="session")
def promtool(prometheus_image: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run promtool on files/rules, which it sees as /rules."""

    def run(*arguments: str, rules: Path = ROOT / "files/rules") -> subprocess.CompletedProcess[str]:
        command = ["docker", "run", "--rm", "--network", "none", "--volume", f"{rules}:/rules:ro"]
        command += ["--entrypoint", "promtool", prometheus_image, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    return run


@pytest.fixture(scope="session")
def prometheus(prometheus_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes and records every second, and has a quarter of an hour behind it."""
    directory = tmp_path_factory.mktemp("prometheus")
    jobs = []
    for job in JOBS:
        registry = CollectorRegistry()
        registry.register(Exporter(job))
        instance = f"127.0.0.1:{free_port()}"
        start_http_server(int(instance.partition(":")[2]), "127.0.0.1", registry)
        jobs.append({"job_name": job, "static_configs": [{"targets": [instance]}]})
        (directory / f"{job}.om").write_text(past(job, instance))
    (directory / "last-week.om").write_text(last_week())
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": ["/rules/*.yml"],
        "scrape_configs": jobs,
    }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    port = free_port()
    client = docker.from_env()
    files = [*JOBS, "last-week"]
    fill = [f"promtool tsdb create-blocks-from openmetrics /conf/{file}.om /tmp/data" for file in files]
    serve = "exec prometheus --config.file=/conf/prometheus.yml --storage.tsdb.path=/tmp/data"
    container = client.containers.run(
        prometheus_image,
        ["-ec", "\n".join([*fill, f"{serve} --web.listen-address=127.0.0.1:{port}"])],
        entrypoint="sh",
        network_mode="host",
        user="0:0",
        volumes={
            str(directory): {"bind": "/conf", "mode": "ro"},
            str(ROOT / "files/rules"): {"bind": "/rules", "mode": "ro"},
        },
        detach=True,
    )
    url = f"http://127.0.0.1:{port}"

    def full() -> bool:
        """Enough of the recorded names for a rate; their past is not filled in."""
        expr = "count_over_time(jvm_gc_pause_seconds_count[1m]) >= 5"
        return len(httpx.get(f"{url}/api/v1/query", params={"query": expr}).json()["data"]["result"]) == 3

    try:
        eventually(full, 60)
        yield url
    finally:
        container.remove(force=True, v=True)
        client.close()


@pytest.fixture(scope="session")
def query(prometheus: str) -> Callable[[str], list[dict[str, str]]]:
    """Evaluate an expression now: labels and, as the key `value`, the value of each series."""

    def ask(expr: str) -> list[dict[str, str]]:
        answer = httpx.post(f"{prometheus}/api/v1/query", data={"query": expr}).json()
        assert answer["status"] == "success", answer
        return [{**item["metric"], "value": item["value"][1]} for item in answer["data"]["result"]]

    return ask


class Board:
    """A running board: its address, its files, and how to start it again."""

    def __init__(self, home: Path, prometheus: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/grafana"
        for name in ("provisioning/datasources", "provisioning/dashboards", "dashboards", "data"):
            (home / name).mkdir(parents=True)
        source = {"name": "Prometheus", "uid": "prometheus", "type": "prometheus", "url": prometheus, "isDefault": True}
        source |= {"jsonData": {"timeInterval": "15s"}, "secureJsonData": {"httpHeaderValue1": "never shown"}}
        provider = {"name": "jiucom", "folder": "JIUCOM", "type": "file", "updateIntervalSeconds": 0}
        provider |= {"options": {"path": str(home / "dashboards")}}
        self.write(
            "provisioning/datasources/datasource.yml", yaml.safe_dump({"apiVersion": 1, "datasources": [source]})
        )
        self.write("provisioning/dashboards/dashboard.yml", yaml.safe_dump({"apiVersion": 1, "providers": [provider]}))
        self.write("admin_password", PASSWORD + "\n")
        for file in ("jiucom-main.json", "jiucom-endpoint.json"):
            self.write(f"dashboards/{file}", (ROOT / "files/dashboards" / file).read_text())

    def write(self, name: str, text: str) -> None:
        (self.home / name).write_text(text)

    def start(self, **environment: str) -> subprocess.Popen[str]:
        settings = {
            "GF_SECURITY_ADMIN_USER": "admin",
            "GF_SECURITY_ADMIN_PASSWORD__FILE": str(self.home / "admin_password"),
            "GF_SERVER_ROOT_URL": "http://localhost/grafana/",
            "GF_SERVER_SERVE_FROM_SUB_PATH": "true",
            "GF_PATHS_PROVISIONING": str(self.home / "provisioning"),
            "GF_PATHS_DATA": str(self.home / "data"),
            "GF_SERVER_HTTP_PORT": str(self.port),
            "PYTHONPATH": str(ROOT / "board"),
            "TZ": "Asia/Seoul",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "board"], env=settings | environment, stderr=subprocess.PIPE, text=True
        )


@pytest.fixture
def new_board(tmp_path: Path, prometheus: str) -> Board:
    """A board that is not running yet."""
    return Board(tmp_path, prometheus)


@pytest.fixture
def board(new_board: Board) -> Iterator[Board]:
    process = new_board.start()
    try:
        eventually(lambda: httpx.get(f"{new_board.url}/api/health").status_code == 200)
        yield new_board
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
def admin(board: Board) -> Iterator[httpx.Client]:
    """A client that has logged in through the form."""
    with httpx.Client(base_url=board.url) as client:
        answer = client.post("/login", data={"user": "admin", "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        yield client
