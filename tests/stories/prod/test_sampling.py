"""Another share of the requests is traced for a minute: every replica follows, nothing starts anew, and it ends by itself (E4).

Redis restarts meanwhile. What was traced is looked up as a complaint would be: by the gateway's log (E6).

Of n requests at rate p, np are traced, give or take five standard deviations of the binomial distribution: a right
platform fails once in a million runs; at rate 1 not one may be missing. For 1,000 at 0.1 that is 53 to 147.
"""

from __future__ import annotations

import json
import math
import re
import secrets
import subprocess
from collections import Counter

from hosts import Host, wait_for

REQUESTS = 1000
# What the gateway grants one address (C2). Where others share ours (dev), curl comes back for what was refused.
PACE = "30/s"
PATH = "/api/v1/parts/categories"


def send(host: Host, marker: str) -> subprocess.Popen[bytes]:
    """Begin to send the requests, one after the other through the gateway."""
    url = f"http://{host.address}{PATH}?{marker}=[1-{REQUESTS}]"
    return subprocess.Popen(
        ["curl", "--silent", "--fail", "--rate", PACE, "--retry", "5", "--output", "/dev/null", url]
    )


def in_zipkin(host: Host, ids: list[str]) -> set[str]:
    """Find those of the traces (two at least) that Zipkin has; a hundred a question, or its address is too long."""
    lists = " ".join(",".join(ids[n : n + 100]) for n in range(0, len(ids), 100))
    ask = f"for i in {lists}; do wget -q -O - http://127.0.0.1:9411/api/v2/traceMany?traceIds=$i; echo; done"
    answers = host.run(f"docker compose exec -T zipkin sh -c '{ask}'").splitlines()
    return {trace[0]["traceId"] for answer in answers for trace in json.loads(answer)}


def flush(host: Host) -> None:
    """Return once what was traced is in Zipkin: spans leave a replica in order, and its last one is of ours."""
    last = {secrets.token_hex(16): container["Id"] for container in host.inspect()["app"]}
    for trace, container in last.items():
        ask = f"Request('http://127.0.0.1:8080{PATH}', headers={{'b3': '{trace}-{trace[:16]}-1'}})"
        host.run(f'docker exec {container} python -c "from urllib.request import *; urlopen({ask})"')
    wait_for(lambda: in_zipkin(host, list(last)) == last.keys(), 20, "the spans that the replicas sent last")


def traced(host: Host, marker: str) -> dict[str, tuple[int, int]]:
    """Count each replica's requests, by the gateway's log, and those of them that Zipkin has."""
    flush(host)
    # What the gateway refused has no trace.
    answered = [line for line in host.access_log(f"{PATH}?{marker}=") if line["status"] == 200]
    replicas = {line["trace_id"]: line["upstream"] for line in answered}
    assert len(replicas) == REQUESTS
    asked = Counter(replicas.values())
    found = Counter(replicas[trace] for trace in in_zipkin(host, list(replicas)))
    return {replica: (asked[replica], found[replica]) for replica in asked}


def assert_share(counts: dict[str, tuple[int, int]], rate: float) -> None:
    """Hold each of the two replicas, and both together, against the rate."""
    assert len(counts) == 2, counts
    together = tuple(map(sum, zip(*counts.values(), strict=True)))
    print(f"rate {rate}: {together[1]} of {together[0]} traced, by replica {counts}")
    for asked, found in (together, *counts.values()):
        assert asked >= REQUESTS / 4, counts
        assert abs(found - asked * rate) <= 5 * math.sqrt(asked * rate * (1 - rate)), (rate, counts)


def rates(host: Host) -> list[float | None]:
    """Read from each replica's log the rate it changed to last."""
    logs = [host.run(f"docker logs {container['Id']}") for container in host.inspect()["app"]]
    return [float(found[-1]) if (found := re.findall(r"sampling rate is ([\d.]+) now", log)) else None for log in logs]


def started(host: Host) -> dict[str, str]:
    """Note since when each container runs, but for Redis."""
    groups = host.inspect()
    return {c["Id"]: c["State"]["StartedAt"] for name in groups if name != "redis" for c in groups[name]}


def test_sampling_is_raised_for_a_while_and_falls_back(host: Host) -> None:
    deployed = float(host.run("docker compose exec -T app printenv TRACING_SAMPLING"))
    other = 1.0 if deployed < 1 else 0.1
    containers = started(host)
    markers = [secrets.token_hex(8) for _ in range(3)]

    assert send(host, markers[0]).wait(120) == 0
    code, said = host.playbook("-e", f"rate={other}", "-e", "minutes=1", playbook="playbooks/sampling.yml")
    assert code == 0, said
    wait_for(lambda: rates(host) == [other, other], 10, f"rate {other} on both replicas")
    requests = send(host, markers[1])
    host.run("docker compose restart redis")
    assert requests.wait(120) == 0

    # The rest of the minute is time enough to look at both.
    assert_share(traced(host, markers[0]), deployed)
    assert_share(traced(host, markers[1]), other)
    wait_for(lambda: rates(host) == [deployed, deployed], 70, f"rate {deployed} again on both replicas")
    assert send(host, markers[2]).wait(120) == 0
    assert_share(traced(host, markers[2]), deployed)
    assert started(host) == containers
