#!/usr/bin/python
"""Flood the gateway for a moment and look at the rate limit (C2). Bounded: 300 requests at once, then 40 below the rate."""

from __future__ import annotations

import http.client
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

from ansible_collections.jiucom.platform.plugins.module_utils.checks import UNVERIFIED, Checks, Seen

DOCUMENTATION = r"""
module: gateway_load
short_description: Look at the gateway's rate limit under load
options: {expected: {type: dict, description: What the checks compare with.}}
author: [JIUCOM]
"""
EXAMPLES = "- gateway_load: {expected: {gateway: 'http://127.0.0.1', rate: 30, burst: 50}}"
RETURN = "ansible_facts: {type: dict, returned: always, description: The results as checks_gateway_load.}"

checks = Checks("gateway_load")
# The API's own limits leave this path alone, so a refusal is the gateway's.
LIMITED = "/api/v1/v3/api-docs"
REQUESTS, CONNECTIONS, CALM = 300, 6, 40
ERROR = {"success", "code", "message", "timestamp"}


def burst(base: str, path: str, count: int) -> list[tuple[int, str, bytes]]:
    """Send `count` requests on one kept connection as fast as they are answered."""
    parts, answers = urlsplit(base), []
    connection = http.client.HTTPConnection(parts.netloc, timeout=20)
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(parts.netloc, timeout=20, context=UNVERIFIED)
    for _ in range(count):
        connection.request("GET", path)
        response = connection.getresponse()
        answers.append((response.status, response.headers.get("Retry-After", ""), response.read()))
    return answers


def flood(base: str, path: str) -> list[tuple[int, str, bytes]]:
    """Send all requests over a few connections at once."""
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        groups = pool.map(lambda _: burst(base, path, REQUESTS // CONNECTIONS), range(CONNECTIONS))
        return [answer for group in groups for answer in group]


@checks.check("C2", "a flood is refused with 429, the error's shape and Retry-After")
def flooded(expected: dict[str, Any]) -> Seen:
    start = time.monotonic()
    answers = flood(expected["gateway"], LIMITED)
    seconds = time.monotonic() - start
    seen = Counter(status for status, _, _ in answers)
    refused = [(retry, json.loads(body)) for status, retry, body in answers if status == 429]
    shaped = all(retry and set(body) >= ERROR and body["code"] == "JIUCOM-429" for retry, body in refused)
    most = expected["rate"] * (seconds + 1) + expected["burst"] + 1
    passed = bool(refused) and shaped and set(seen) == {200, 429} and seen[200] <= most
    return passed, f"{dict(seen)} in {seconds:.1f} s, at most {most:.0f} were to pass"


@checks.check("C2", "a client below the rate is never refused")
def calm(expected: dict[str, Any]) -> Seen:
    time.sleep(
        expected["burst"] / expected["rate"] + 0.5
    )  # the bucket drains at the rate: its size is what is waited for
    answers = []
    for _ in range(CALM):
        answers += burst(expected["gateway"], LIMITED, 1)
        time.sleep(1.2 / expected["rate"])
    seen = Counter(status for status, _, _ in answers)
    return set(seen) == {200}, f"{dict(seen)} at {expected['rate'] / 1.2:.0f} a second or slower"


@checks.check("C2", "monitoring paths are not limited")
def monitoring(expected: dict[str, Any]) -> Seen:
    seen = Counter(status for status, _, _ in flood(expected["gateway"], "/api/v1/actuator/health"))
    return set(seen) == {200}, str(dict(seen))


if __name__ == "__main__":
    checks.run()
