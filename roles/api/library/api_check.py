#!/usr/bin/python
"""Look at the API as its clients do: G1, G3, H1, E6."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.checks import (
    Answer,
    Checks,
    Seen,
    address,
    containers,
    docker,
    eventually,
    http_request,
)

DOCUMENTATION = r"""
module: api_check
short_description: Check the API
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- api_check: {expected: {gateway: 'http://127.0.0.1', project: jiucom}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_api.}"

checks = Checks("api")


def api(expected: dict[str, Any], path: str, **headers: str) -> Answer:
    """Ask through the gateway."""
    return http_request(f"{expected['gateway']}/api/v1{path}", headers=headers)


@checks.check("H1", "actuator/health through the gateway")
def health(expected: dict[str, Any]) -> Seen:
    answer = api(expected, "/actuator/health")
    return answer.status == 200 and answer.json().get("status") == "UP", f"{answer.status} {answer.body.decode()[:60]}"


@checks.check("H1", "actuator/health past the gateway's rules")
def direct(expected: dict[str, Any]) -> Seen:
    if not expected["direct"]:
        return True, "port 8080 is not published in this inventory"
    answer = http_request(f"{expected['direct']}/api/v1/actuator/health")
    return answer.status == 200 and answer.json().get("status") == "UP", f"{answer.status} {answer.body.decode()[:60]}"


@checks.check("H1", "actuator/info names the image that runs")
def version(expected: dict[str, Any]) -> Seen:
    image = containers(expected["project"])["app"][0]["Config"]["Image"]
    named = http_request(f"{address(expected, 'app')}/api/v1/actuator/info").json()["app"]["version"]
    return named.endswith(f"+{image.rpartition(':')[2]}"), f"{named}, {image}"


@checks.check("H1", "Swagger UI, from this host alone")
def swagger(expected: dict[str, Any]) -> Seen:
    first = api(expected, "/swagger-ui.html")
    page = api(expected, "/swagger-ui/index.html")
    document = api(expected, "/v3/api-docs")
    foreign = b"https://" in page.body or b"http://" in page.body
    passed = first.status in (200, 301, 302) and page.status == 200 and b"swagger" in page.body.lower() and not foreign
    return (
        passed and document.status == 200,
        f"{first.status}, page {page.status}, {len(document.json()['paths'])} paths",
    )


@checks.check("G1", "/part and /parts are one endpoint")
def same(expected: dict[str, Any]) -> Seen:
    one, two = api(expected, "/part?category=CPU"), api(expected, "/parts?category=CPU")
    passed = one.status == two.status == 200 and one.json()["data"] == two.json()["data"]
    return passed, f"{one.status} and {two.status}, {two.json()['data']['totalElements']} CPUs"


@checks.check("G3", "answers are wrapped")
def wrapped(expected: dict[str, Any]) -> Seen:
    answer = api(expected, "/parts/categories")
    keys = set(answer.json())
    return answer.status == 200 and keys == {"success", "message", "data", "timestamp"}, ", ".join(sorted(keys))


@checks.check("G3", "errors have their shape, and are no server errors")
def error(expected: dict[str, Any]) -> Seen:
    answer = api(expected, "/parts/0")
    body = answer.json()
    return answer.status == 404 and body["success"] is False and body[
        "code"
    ] == "JIUCOM-P001", f"{answer.status} {body['code']}"


@checks.check("C7", "a forged address is not believed")
def forged(expected: dict[str, Any]) -> Seen:
    answer = http_request(
        f"{expected['gateway']}/api/v1/parts/categories",
        headers={"X-Forwarded-For": "203.0.113.9", "X-Real-IP": "203.0.113.9"},
    )
    line = request_line(expected, answer.header("X-Trace-Id"))
    return line.get("client") not in (
        "",
        None,
        "203.0.113.9",
        expected["gateway_address"],
    ), f"the API saw {line.get('client')}"


@checks.check("E6", "the trace id is in the answer and in the API's log")
def logged(expected: dict[str, Any]) -> Seen:
    trace = api(expected, "/parts?category=CPU").header("X-Trace-Id")
    line = request_line(expected, trace)
    return bool(trace) and line.get("method") == "GET" and "/parts" in line.get(
        "uri", ""
    ), f"{trace}: {json.dumps(line)[:160]}"


def request_line(expected: dict[str, Any], trace: str) -> dict[str, Any]:
    """Find the request's line in the log of any replica; empty when there is none within a few seconds."""
    found: dict[str, Any] = {}

    def look() -> Seen:
        for container in containers(expected["project"])["app"]:
            for text in docker("logs", "--since", "60s", container["Id"]).splitlines():
                if trace and trace in text and text.startswith("{"):
                    found.update(json.loads(text))
                    return True, ""
        return False, ""

    eventually(look, seconds=5)
    return found


if __name__ == "__main__":
    checks.run()
