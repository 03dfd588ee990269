#!/usr/bin/python
"""Look at the traces of requests made for the purpose, and at where they are kept: E1, E2, E5, H1, H3.3."""

from __future__ import annotations

import secrets
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import (
    Checks,
    Seen,
    address,
    administrator,
    eventually,
    http_request,
)

DOCUMENTATION = r"""
module: tracing_check
short_description: Check tracing
description:
  - The API is asked past the gateway, which lets no stranger decide what is sampled, with a sampling decision of the check's own.
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- tracing_check: {expected: {gateway: 'http://127.0.0.1', project: jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_tracing.}"

checks = Checks("tracing")


def spans_of(expected: dict[str, Any], trace: str, wanted: int) -> list[dict[str, Any]]:
    """Ask Zipkin for a trace until it has `wanted` spans; what there is after 20 seconds otherwise."""
    spans: list[dict[str, Any]] = []

    def look() -> Seen:
        answer = http_request(f"{address(expected, 'zipkin')}/zipkin/api/v2/trace/{trace}")
        spans[:] = answer.json() if answer.status == 200 else []
        return len(spans) >= wanted, ""

    eventually(look)
    return spans


@checks.check("E1", "a sampled request is one trace: the handler and each query")
def trace(expected: dict[str, Any]) -> Seen:
    id_ = secrets.token_hex(16)
    # Page and size of no cached answer: the database has to be asked.
    path = f"/api/v1/parts?minPrice={secrets.randbelow(1000)}&size=3"
    http_request(address(expected, "app") + path, headers={"b3": f"{id_}-{secrets.token_hex(8)}-1"})
    spans = spans_of(expected, id_, 2)
    server = [s for s in spans if s.get("kind") == "SERVER"]
    children = [s for s in spans if server and s.get("parentId") == server[0]["id"]]
    timed = all(s.get("duration", 0) > 0 for s in spans)
    names = ", ".join(f"{s.get('name')} {s.get('duration', 0) / 1000:.1f} ms" for s in spans)
    return len(server) == 1 and len(children) >= 1 and timed, names or "no span arrived"


@checks.check("E2", "an incoming trace is continued, its sampling respected")
def continued(expected: dict[str, Any]) -> Seen:
    single, multi, unsampled = (secrets.token_hex(16) for _ in range(3))
    app, span = address(expected, "app"), secrets.token_hex(8)
    path = "/api/v1/parts/categories"
    seen = http_request(app + path, headers={"b3": f"{single}-{span}-1"}).header("X-Trace-Id")
    http_request(app + path, headers={"X-B3-TraceId": multi, "X-B3-SpanId": span, "X-B3-Sampled": "1"})
    http_request(app + path, headers={"X-B3-TraceId": unsampled, "X-B3-SpanId": span, "X-B3-Sampled": "0"})
    arrived = [len(spans_of(expected, id_, 1)) for id_ in (single, multi)]
    # Sent after the two that arrived, by the same exporter: if it were coming, it would be here.
    silent = http_request(f"{address(expected, 'zipkin')}/zipkin/api/v2/trace/{unsampled}").status
    passed = seen == single and all(arrived) and silent == 404
    return passed, f"single and multi header arrived with {arrived} spans, the unsampled one: {silent}"


@checks.check("E5", "Zipkin's storage answers, in memory or in Elasticsearch")
def storage(expected: dict[str, Any]) -> Seen:
    kind = {"mem": "InMemoryStorage", "elasticsearch": "ElasticsearchStorage"}[expected["storage"]]

    def look() -> Seen:
        answer = http_request(f"{address(expected, 'zipkin')}/health").json()
        details = answer["zipkin"]["details"]
        seen = ", ".join(f"{name} {one.get('status')} {one.get('details', '')}" for name, one in details.items())
        return answer["status"] == "UP" and any(name.startswith(kind) for name in details), seen

    return eventually(look)


@checks.check("H3.3", "the store of the traces is well, and its days and links are looked after")
def kept(expected: dict[str, Any]) -> Seen:
    if expected["storage"] == "mem":
        return True, "traces are in Zipkin's memory"

    def look() -> Seen:
        page = http_request(address(expected, "trace-jobs") + "/metrics").body.decode()
        seen = {name: float(value) for name, value in (line.rsplit(" ", 1) for line in page.splitlines())}
        failed = [name for name, value in seen.items() if "_job_failed{" in name and value]
        wanted = {"store_up": 1, "read_only_indices": 0}
        wrong = [name for name, value in wanted.items() if seen.get(f"jiucom_traces_{name}") != value]
        red = seen.get("jiucom_traces_store_status", 2) > 1
        spans, days = (seen.get(f"jiucom_traces_{name}", 0) for name in ("spans", "indices"))
        problem = ", ".join([*failed, *wrong, *(["red"] if red else [])])
        return not problem, problem or f"{spans:.0f} spans in {days:.0f} indices"

    return eventually(look)


@checks.check("H1", "Zipkin's page, directly and through the gateway")
def page(expected: dict[str, Any]) -> Seen:
    bases, headers = (address(expected, "zipkin"), expected["gateway"]), administrator(expected)
    statuses = [http_request(f"{base}/zipkin/", headers=headers).status for base in bases]
    return statuses == [200, 200], ", ".join(map(str, statuses))


if __name__ == "__main__":
    checks.run()
