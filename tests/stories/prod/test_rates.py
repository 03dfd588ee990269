"""The rate limit of a client address (C2), from other machines: 29 requests/s are all served, of 500/s the limit plus burst."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml
from hosts import ROOT, Host
from scan import LIMITED, neighbour

# Requests a path at a fixed rate over eight kept connections; prints the number of answers by status, and the seconds. With
# "forged", each request carries made-up X-Forwarded-For and X-Real-IP headers. The machine that runs this is no trusted proxy, so
# the gateway must ignore them.
PACED = """
import collections, concurrent.futures, http.client, json, sys, time
address, path, rate, seconds, forged = sys.argv[1:]
rate, total, start = int(rate), int(rate) * int(seconds), time.monotonic()
def ask(first):
    connection, seen = http.client.HTTPConnection(address, timeout=20), collections.Counter()
    for number in range(first, total, 8):
        time.sleep(max(0, start + number / rate - time.monotonic()))
        other = f"203.0.{number // 250 % 250}.{number % 250}"
        connection.request("GET", path, headers={"X-Forwarded-For": other, "X-Real-IP": other} if forged else {})
        answer = connection.getresponse()
        answer.read()
        seen[answer.status] += 1
    return seen
seen = sum(concurrent.futures.ThreadPoolExecutor(8).map(ask, range(8)), collections.Counter())
print(json.dumps({"seen": seen, "seconds": time.monotonic() - start}))
"""
SECONDS = 30


def paced(host: Host, rate: int, forged: str) -> tuple[dict[str, int], float]:
    """Ask at a rate from a machine of its own; returns the statuses' counts, and the seconds."""
    path = f"{LIMITED}?story=rates-{rate}"
    told: dict[str, Any] = json.loads(neighbour(host, PACED, host.address, path, str(rate), str(SECONDS), forged))
    print(f"{rate} a second{' with forged addresses' * bool(forged)}: {told}")
    return told["seen"], told["seconds"]


def test_a_calm_client_gets_all_and_a_flood_its_share(host: Host) -> None:
    defaults = yaml.safe_load((ROOT / "roles/gateway/defaults/main.yml").read_text())
    limit, burst = defaults["gateway_rate_limit"], defaults["gateway_rate_burst"]
    slow, fast = limit - 1, 500
    with ThreadPoolExecutor(2) as pool:
        calm = pool.submit(paced, host, slow, "")
        flood = pool.submit(paced, host, fast, "forged")
    assert calm.result()[0] == {"200": slow * SECONDS}
    seen, seconds = flood.result()
    assert set(seen) == {"200", "429"}
    share = limit * seconds + burst
    assert abs(seen["200"] - share) <= 0.05 * share, (seen, share)
    # Each of the two was counted by its own address.
    clients = {line["client"] for rate in (slow, fast) for line in host.access_log(f"{LIMITED}?story=rates-{rate}")}
    assert len(clients) == 2, clients
