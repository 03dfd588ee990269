"""H3.3: traces in the packaged OpenSearch: written, found, counted, gone after their days, and refused loudly."""

from __future__ import annotations

import json
import random
import time
import uuid
from typing import Any

import pytest
from trace_jobs.links import count

from .service import Directory, Service, Start, eventually, wget
from .store import dropped, figures, jobs, links, opensearch, request, send, zipkin

OLD = "zipkin-span-2020-01-01"


def found(service: Service, trace: str) -> bool:
    return service.http(9411, f"/api/v2/trace/{trace}")[0] == 200


def test_traces_in_opensearch(start: Start, directory: Directory) -> None:
    store = opensearch(start, directory)
    assert store.owner() == (1000, 1000)
    assert 9200 in store.listens()
    with pytest.raises(ConnectionRefusedError):
        store.http(9300, "/")
    for name in (OLD, "zipkin-dependency-2020-01-01", "zipkin-spans-of-others-2020-01-01"):
        assert store.http(9200, f"/{name}", "PUT", {"settings": {"number_of_replicas": 0}})[0] == 200
        assert store.http(9200, f"/{name}/_doc?refresh=true", "POST", {"traceId": "1"})[0] == 201
    assert store.http(9200, "/other-index/_doc", "POST", {})[0] >= 400, "no index but Zipkin's appears by itself"

    tracer = zipkin(start, directory)
    trace = uuid.uuid4().hex
    send(tracer, request(trace) + request())
    eventually(lambda: found(tracer, trace))
    assert "ElasticsearchStorage" in tracer.http(9411, "/health")[1]
    settings = json.loads(store.http(9200, "/zipkin-span-*/_settings?flat_settings=true")[1])
    today = next(one["settings"] for name, one in settings.items() if name != OLD)
    assert (today["index.number_of_shards"], today["index.number_of_replicas"]) == ("1", "0")

    jobs_ = jobs(start, directory)
    eventually(lambda: figures(jobs_).get("store_up") == 1)
    assert jobs_.owner() == (59412, 59412)
    seen = figures(jobs_)
    assert (seen["store_status"], seen["read_only_indices"], seen["spans"]) == (0, 0, 9)
    assert {name: value for name, value in seen.items() if name.startswith("job_failed")} == {
        'job_failed{job_name="retention"}': 0,
        'job_failed{job_name="dependencies"}': 0,
    }
    names = {line.split()[2] for line in store.http(9200, "/_cat/indices")[1].splitlines()}
    assert names & {OLD, "zipkin-dependency-2020-01-01"} == set(), "days that are over are removed"
    assert "zipkin-spans-of-others-2020-01-01" in names, "and nothing else is"
    wanted = {("edge", "jiucom-api"): (2, 0), ("jiucom-api", "mysql"): (2, 0), ("jiucom-api", "redis"): (2, 2)}
    eventually(lambda: links(tracer) == wanted)

    # Full, as the store itself says it at its flood stage.
    block = {"index.blocks.read_only_allow_delete": True}
    assert store.http(9200, "/zipkin*/_settings", "PUT", block)[0] == 200
    assert dropped(tracer) == 0
    lost = uuid.uuid4().hex
    send(tracer, request(lost))
    eventually(lambda: dropped(tracer) == 4)
    jobs_.stop()
    jobs_.restart()
    eventually(lambda: figures(jobs_).get("read_only_indices", 0) >= 2)
    assert figures(jobs_)['job_failed{job_name="dependencies"}'] == 1, "its documents are refused, too"
    assert not found(tracer, lost)

    # Neither an orderly end nor a kill loses what was written.
    assert store.http(9200, "/zipkin*/_settings", "PUT", {next(iter(block)): None})[0] == 200
    store.container.kill("KILL")
    store.container.wait()
    eventually(lambda: figures(jobs_)["store_up"] == 0)
    store.restart()
    store.healthy(wget(9200, "/_cluster/health", "green"), 120)
    eventually(lambda: found(tracer, trace))
    assert store.stop() in (0, 143)
    assert jobs_.stop() == 0


def random_trace(choose: random.Random) -> list[dict[str, Any]]:
    """Make a trace of any shape: calls, messages, local spans, spans of both sides, unknown services, lost parents."""
    trace, spans = f"{choose.getrandbits(128):032x}", []
    services = ["edge", "api", "mysql", "redis", "mail", ""]
    ids = [f"{choose.getrandbits(64) or 1:016x}" for _ in range(choose.randint(1, 8))]
    for number, id_ in enumerate(ids):
        parent = choose.choice(ids[:number]) if number else ""
        if choose.random() < 0.1:
            parent = f"{choose.getrandbits(64) or 1:016x}"
        kind = choose.choice(["CLIENT", "SERVER", "PRODUCER", "CONSUMER", ""])
        span: dict[str, Any] = {"traceId": trace, "id": id_, "timestamp": int(time.time() * 1e6), "duration": 10}
        span |= {"parentId": parent} if parent else {}
        span |= {"kind": kind} if kind else {}
        span |= {"tags": {"error": "yes"}} if choose.random() < 0.2 else {}
        for side in ("localEndpoint", "remoteEndpoint"):
            if name := choose.choice(services):
                span[side] = {"serviceName": name}
        spans.append(span)
        if kind == "CLIENT" and choose.random() < 0.4:
            spans.append(span | {"kind": "SERVER", "shared": True, "localEndpoint": {"serviceName": "api"}})
    return spans


def test_links_are_those_that_zipkin_counts_in_memory(start: Start) -> None:
    tracer = start("zipkin", environment={"JAVA_OPTS": "-Xms96m -Xmx160m"}, tmpfs={"/tmp": ""})
    tracer.healthy(wget(9411, "/health", "UP"), 90)
    choose = random.Random(7)
    wanted: dict[tuple[str, str], tuple[int, int]] = {}
    for _ in range(400):
        spans = random_trace(choose)
        send(tracer, spans)
        calls, errors = count(spans)
        for pair, number in calls.items():
            before = wanted.get(pair, (0, 0))
            wanted[pair] = (before[0] + number, before[1] + errors[pair])
    assert len(wanted) > 15
    assert links(tracer) == wanted
