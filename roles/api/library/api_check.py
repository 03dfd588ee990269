#!/usr/bin/python
"""Look at the API as its clients do: G1, G3, H1, E6."""

from __future__ import annotations

import json
from typing import Any

from ansible.module_utils.promises import Answer, Promises, Seen, containers, docker, eventually, http_request

DOCUMENTATION = r"""
module: api_check
short_description: Look at the promises about the API
options: {facts: {type: dict, description: What the role knows and the check compares with.}}
author: [JIUCOM]
"""
EXAMPLES = "- api_check: {facts: {gateway: 'http://127.0.0.1', project: jiucom}}"
RETURN = "promises: {type: list, returned: always, description: What was seen of each promise.}"

promises = Promises()


def api(facts: dict[str, Any], path: str, **headers: str) -> Answer:
    """Ask through the gateway."""
    return http_request(f"{facts['gateway']}/api/v1{path}", headers=headers)


@promises.promise("H1", "actuator/health through the gateway")
def health(facts: dict[str, Any]) -> Seen:
    answer = api(facts, "/actuator/health")
    return answer.status == 200 and answer.json().get("status") == "UP", f"{answer.status} {answer.body.decode()[:60]}"


@promises.promise("H1", "actuator/health past the gateway's rules")
def direct(facts: dict[str, Any]) -> Seen:
    if not facts["direct"]:
        return True, "port 8080 is not published in this inventory"
    answer = http_request(f"{facts['direct']}/api/v1/actuator/health")
    return answer.status == 200 and answer.json().get("status") == "UP", f"{answer.status} {answer.body.decode()[:60]}"


@promises.promise("H1", "Swagger UI, from this host alone")
def swagger(facts: dict[str, Any]) -> Seen:
    first = api(facts, "/swagger-ui.html")
    page = api(facts, "/swagger-ui/index.html")
    document = api(facts, "/v3/api-docs")
    foreign = b"https://" in page.body or b"http://" in page.body
    kept = first.status in (200, 301, 302) and page.status == 200 and b"swagger" in page.body.lower() and not foreign
    return kept and document.status == 200, f"{first.status}, page {page.status}, {len(document.json()['paths'])} paths"


@promises.promise("G1", "/part and /parts are one endpoint")
def same(facts: dict[str, Any]) -> Seen:
    one, two = api(facts, "/part?category=CPU"), api(facts, "/parts?category=CPU")
    kept = one.status == two.status == 200 and one.json()["data"] == two.json()["data"]
    return kept, f"{one.status} and {two.status}, {two.json()['data']['totalElements']} CPUs"


@promises.promise("G3", "answers are wrapped")
def wrapped(facts: dict[str, Any]) -> Seen:
    answer = api(facts, "/parts/categories")
    keys = set(answer.json())
    return answer.status == 200 and keys == {"success", "message", "data", "timestamp"}, ", ".join(sorted(keys))


@promises.promise("G3", "errors have their shape, and are no server errors")
def error(facts: dict[str, Any]) -> Seen:
    answer = api(facts, "/parts/0")
    body = answer.json()
    return answer.status == 404 and body["success"] is False and body[
        "code"
    ] == "JIUCOM-P001", f"{answer.status} {body['code']}"


@promises.promise("C7", "a forged address is not believed")
def forged(facts: dict[str, Any]) -> Seen:
    answer = http_request(
        f"{facts['gateway']}/api/v1/parts/categories",
        headers={"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"},
    )
    line = request_line(facts, answer.header("X-Trace-Id"))
    return line.get("client") not in (
        "",
        None,
        "203.0.113.9",
        facts["gateway_address"],
    ), f"the API saw {line.get('client')}"


@promises.promise("E6", "the trace id is in the answer and in the API's log")
def logged(facts: dict[str, Any]) -> Seen:
    trace = api(facts, "/parts?category=CPU").header("X-Trace-Id")
    line = request_line(facts, trace)
    return bool(trace) and line.get("method") == "GET" and "/parts" in line.get(
        "uri", ""
    ), f"{trace}: {json.dumps(line)[:160]}"


def request_line(facts: dict[str, Any], trace: str) -> dict[str, Any]:
    """Find the request's line in the log of any replica; empty when there is none within a few seconds."""
    found: dict[str, Any] = {}

    def look() -> Seen:
        for container in containers(facts["project"])["app"]:
            for text in docker("logs", "--since", "60s", container["Id"]).splitlines():
                if trace and trace in text and text.startswith("{"):
                    found.update(json.loads(text))
                    return True, ""
        return False, ""

    eventually(look, seconds=5)
    return found


if __name__ == "__main__":
    promises.run()
