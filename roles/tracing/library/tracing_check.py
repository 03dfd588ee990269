#!/usr/bin/python
"""Look at the traces of requests made for the purpose: E1, E2, H1."""

from __future__ import annotations

import secrets
from typing import Any

from ansible.module_utils.promises import Promises, Seen, containers, eventually, http_request

DOCUMENTATION = r"""
module: tracing_check
short_description: Look at the promises about tracing
description:
  - The API is asked past the gateway, which lets no stranger decide what is sampled, with a sampling decision of the check's own.
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- tracing_check: {facts: {gateway: 'http://127.0.0.1', project: jiucom}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


def address(facts: dict[str, Any], service: str) -> str:
    """Return a service's address inside the network, as the host reaches it."""
    container = containers(facts["project"])[service][0]
    ip = container["NetworkSettings"]["Networks"][facts["network"]]["IPAddress"]
    return f"http://{ip}:{facts['ports'][service]}"


def spans_of(facts: dict[str, Any], trace: str, wanted: int) -> list[dict[str, Any]]:
    """Ask Zipkin for a trace until it has `wanted` spans; what there is after 20 seconds otherwise."""
    spans: list[dict[str, Any]] = []

    def look() -> Seen:
        answer = http_request(f"{address(facts, 'zipkin')}/zipkin/api/v2/trace/{trace}")
        spans[:] = answer.json() if answer.status == 200 else []
        return len(spans) >= wanted, ""

    eventually(look)
    return spans


@promises.promise("E1", "a sampled request is one trace: the handler and each query")
def trace(facts: dict[str, Any]) -> Seen:
    id_ = secrets.token_hex(16)
    # Page and size of no cached answer: the database has to be asked.
    path = f"/api/v1/parts?minPrice={secrets.randbelow(1000)}&size=3"
    http_request(address(facts, "app") + path, headers={"b3": f"{id_}-{secrets.token_hex(8)}-1"})
    spans = spans_of(facts, id_, 2)
    server = [s for s in spans if s.get("kind") == "SERVER"]
    children = [s for s in spans if server and s.get("parentId") == server[0]["id"]]
    timed = all(s.get("duration", 0) > 0 for s in spans)
    names = ", ".join(f"{s.get('name')} {s.get('duration', 0) / 1000:.1f} ms" for s in spans)
    return len(server) == 1 and len(children) >= 1 and timed, names or "no span arrived"


@promises.promise("E2", "an incoming trace is continued, its sampling respected")
def continued(facts: dict[str, Any]) -> Seen:
    single, multi, unsampled = (secrets.token_hex(16) for _ in range(3))
    app, span = address(facts, "app"), secrets.token_hex(8)
    path = "/api/v1/parts/categories"
    seen = http_request(app + path, headers={"b3": f"{single}-{span}-1"}).header("X-Trace-Id")
    http_request(app + path, headers={"X-B3-TraceId": multi, "X-B3-SpanId": span, "X-B3-Sampled": "1"})
    http_request(app + path, headers={"X-B3-TraceId": unsampled, "X-B3-SpanId": span, "X-B3-Sampled": "0"})
    arrived = [len(spans_of(facts, id_, 1)) for id_ in (single, multi)]
    # Sent after the two that arrived, by the same exporter: if it were coming, it would be here.
    silent = http_request(f"{address(facts, 'zipkin')}/zipkin/api/v2/trace/{unsampled}").status
    kept = seen == single and all(arrived) and silent == 404
    return kept, f"single and multi header arrived with {arrived} spans, the unsampled one: {silent}"


@promises.promise("H1", "Zipkin's page, directly and through the gateway")
def page(facts: dict[str, Any]) -> Seen:
    statuses = [http_request(f"{base}/zipkin/").status for base in (address(facts, "zipkin"), facts["gateway"])]
    return statuses == [200, 200], ", ".join(map(str, statuses))


if __name__ == "__main__":
    promises.run()
