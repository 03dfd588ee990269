"""OpenSearch with the files that the role writes, and Zipkin and the jobs beside it."""

from __future__ import annotations

import json
import time
import uuid
from pathlib import Path
from typing import Any

import jinja2
import yaml

from .service import Directory, Service, Start

ROLE = Path(__file__).parents[2] / "roles/tracing"
DATA = "/usr/share/opensearch/data"
HARDENED: dict[str, Any] = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def written(name: str) -> str:
    """Render a template of the role."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)  # noqa: S701 - configuration, not HTML
    environment.filters["comment"] = lambda text: f"# {text}"
    values = {"ansible_managed": "test", "platform_project": "test", "tracing_elasticsearch_index": "zipkin"}
    template = (ROLE / f"templates/{name}.j2").read_text()
    return environment.from_string(template).render(values | {"tracing_elasticsearch_heap": "256m"}) + "\n"


def opensearch(start: Start, directory: Directory, **options: Any) -> Service:
    """Start the store; its data is in the test's volume."""
    names = ("opensearch.yml", "jvm.options", "log4j2.properties", "start")
    service = start(
        "opensearch",
        user="1000:1000",
        entrypoint=["sh", "/etc/opensearch/start"],
        mounts={"/etc/opensearch": directory("opensearch", {name: written(name) for name in names}, gid=1000)},
        data="/usr/share/opensearch/data",
        tmpfs={"/tmp": "mode=1777,size=64m"},
        mem_limit="768m",
        memswap_limit="768m",
        **HARDENED,
        **options,
    )
    service.healthy("wget -q -O - -T 3 'http://127.0.0.1:9200/_cluster/health?local=true' | grep -q green", 120)
    return service


def zipkin(start: Start, directory: Directory, hosts: str = "http://opensearch:9200", **secrets: Any) -> Service:
    """Start Zipkin with its traces in Elasticsearch; `secrets` are the files of an account and of authorities."""
    given = yaml.safe_load((ROLE / "vars/main/main.yml").read_text())
    assert given["_tracing_storages"]["elasticsearch"].keys() == {
        "ES_HOSTS", "ES_INDEX", "ES_INDEX_SHARDS", "ES_INDEX_REPLICAS",
    }  # fmt: skip
    trust = " -Djavax.net.ssl.trustStore=/etc/zipkin/ca.jks" if secrets else ""
    account = {"ES_CREDENTIALS_FILE": "/run/secrets/elasticsearch.properties"} if secrets else {}
    mounts = {
        "/etc/zipkin": directory("conf", {"ca.jks": secrets["ca"]}, gid=1000),
        "/run/secrets": directory("secrets", {"elasticsearch.properties": secrets["account"]}, uid=1000),
    } if secrets else {}  # fmt: skip
    service = start(
        "zipkin",
        user="1000:1000",
        environment={
            "STORAGE_TYPE": "elasticsearch",
            "ES_HOSTS": hosts,
            "ES_INDEX": "zipkin",
            "ES_INDEX_SHARDS": "1",
            "ES_INDEX_REPLICAS": "0",
            "JAVA_OPTS": f"-Xms96m -Xmx160m -XX:+ExitOnOutOfMemoryError{trust}",
            **account,
        },
        mounts=mounts,
        tmpfs={"/tmp": ""},
        mem_limit="512m",
        memswap_limit="512m",
    )
    service.healthy("wget -q -O - -T 3 http://127.0.0.1:9411/info | grep -q version", 120)
    return service


def jobs(start: Start, directory: Directory, **settings: Any) -> Service:
    """Start the jobs with the settings that the role writes, and other values for some of them."""
    program = {f"trace_jobs/{path.name}": path.read_text() for path in (ROLE / "files/trace_jobs").glob("*.py")}
    given = {"hosts": ["http://opensearch:9200"], "index": "zipkin", "days": 3, "port": 9412} | settings
    assert given.keys() <= yaml.safe_load((ROLE / "vars/main/main.yml").read_text())["_tracing_jobs"].keys()
    return start(
        "python",
        user="59412:59412",
        command=["python", "-m", "trace_jobs", "/etc/trace-jobs/settings.json"],
        environment={"PYTHONPATH": "/etc/trace-jobs", "PYTHONDONTWRITEBYTECODE": "1"},
        mounts={"/etc/trace-jobs": directory("jobs", program | {"settings.json": json.dumps(given)}, gid=59412)},
        tmpfs={"/tmp": ""},
        mem_limit="128m",
        memswap_limit="128m",
        **HARDENED,
    )


def figures(service: Service) -> dict[str, float]:
    """Read what the jobs show to Prometheus."""
    lines = service.http(9412, "/metrics")[1].splitlines()
    return {
        name.removeprefix("jiucom_traces_"): float(value) for name, value in (line.rsplit(" ", 1) for line in lines)
    }


def dropped(service: Service) -> float:
    """Read how many spans Zipkin has dropped."""
    lines = service.http(9411, "/prometheus")[1].splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("zipkin_collector_spans_dropped_total{"))


def request(trace: str = "", ago: float = 0) -> list[dict[str, Any]]:
    """Make the spans of a request: the gateway calls the API, the API asks MySQL, and fails to ask Redis."""
    trace, now = trace or uuid.uuid4().hex, int((time.time() - ago) * 1e6)

    def span(id_: str, parent: str, kind: str, own: str, other: str, **more: Any) -> dict[str, Any]:
        return {
            "traceId": trace,
            "id": id_ * 16,
            **({"parentId": parent * 16} if parent else {}),
            "kind": kind,
            "name": "probe",
            "timestamp": now,
            "duration": 1000,
            "localEndpoint": {"serviceName": own},
            **({"remoteEndpoint": {"serviceName": other}} if other else {}),
            **more,
        }

    return [
        span("a", "", "CLIENT", "edge", ""),
        span("a", "", "SERVER", "jiucom-api", "", shared=True),
        span("b", "a", "CLIENT", "jiucom-api", "mysql"),
        span("c", "a", "CLIENT", "jiucom-api", "redis", tags={"error": "timeout"}),
    ]


def send(service: Service, spans: list[dict[str, Any]]) -> None:
    """Send spans to Zipkin, which accepts them before it stores them."""
    assert service.http(9411, "/api/v2/spans", "POST", spans)[0] == 202


def links(service: Service) -> dict[tuple[str, str], tuple[int, int]]:
    """Read the links that Zipkin's page of dependencies shows: calls and errors by caller and called."""
    now = int(time.time() * 1000) + 60_000
    found = json.loads(service.http(9411, f"/api/v2/dependencies?endTs={now}&lookback={2 * 86_400_000}")[1])
    return {(one["parent"], one["child"]): (one["callCount"], one.get("errorCount", 0)) for one in found}
