"""The servers of a Redis cluster on a host: who is a primary, whether the cluster is whole, and which keys are gone."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from background import repeated
from hosts import Host

SERVERS = ("redis", "redis-2", "redis-3", "redis-4", "redis-5", "redis-6")
KEYS = 300
_ASK = "docker exec jiucom-{server}-1 sh /usr/local/etc/redis/ask.sh {words}"
# As the API, at whichever server has the key.
_PASSWORD = "REDISCLI_AUTH=$(cat app/secrets/redis_password)"
_CLIENT = _PASSWORD + " docker exec -i -e REDISCLI_AUTH jiucom-{server}-1 redis-cli -c --user app"
# What the replicas of the API count: the commands that Redis did not answer, and what was found in a cache.
_COUNT = """
import re, sys, urllib.request
for address in sys.argv[1:]:
    text = urllib.request.urlopen(f"http://{address}:8080/api/v1/actuator/prometheus", timeout=5).read().decode()
    for name in ("jiucom_redis_failures_total", 'jiucom_cache_requests_total.*result="hit"'):
        print(sum(map(float, re.findall(rf"^{name}.* ([0-9.e+]+)$", text, re.MULTILINE))))
"""


def ask(host: Host, words: str, by: str = "redis") -> str:
    """Ask one server, as its health check does; empty where it does not answer."""
    return host.run(f"timeout 5 {_ASK.format(server=by, words=words)}", check=False)


def client(host: Host, commands: str, by: str = "redis") -> list[str]:
    """Give commands as the API does, one a line, to whichever servers have the keys; returns the answers."""
    answers = host.run(f"printf '{commands}\\n' | {_CLIENT.format(server=by)}").splitlines()
    return [line for line in answers if not line.startswith("-> Redirected")]


def primaries(host: Host, by: str = "redis") -> list[str]:
    """The services that have slots, as one server sees it."""
    found = {}
    for name, group in host.inspect().items():
        found[group[0]["NetworkSettings"]["Networks"]["jiucom-network"]["IPAddress"]] = name
    lines = [line.split() for line in ask(host, "CLUSTER NODES", by).splitlines()]
    # After the eighth word come the slots.
    return [found[address] for words in lines if len(words) > 8 and (address := words[1].partition(":")[0]) in found]


def whole(host: Host) -> bool:
    """Whether every server sees all slots served, and each primary has its replica in step."""
    said = host.run(
        "; ".join(
            f"timeout 5 {_ASK.format(server=server, words=words)}"
            for server in SERVERS
            for words in ("CLUSTER INFO", "INFO replication")
        ),
        check=False,
    )
    return (
        said.count("cluster_state:ok") == said.count("cluster_slots_ok:16384") == len(SERVERS)
        and said.count("master_link_status:up") == said.count("connected_slaves:1") == len(SERVERS) // 2
    )


def write(host: Host) -> None:
    """Write the keys."""
    answers = client(host, "\\n".join(f"SET story:{number} {number}" for number in range(KEYS)))
    assert set(answers) == {"OK"}


def lost(host: Host, by: str = "redis") -> int:
    """Count the keys that are gone."""
    answers = client(host, "\\n".join(f"GET story:{number}" for number in range(KEYS)), by)
    return KEYS - len({answer for answer in answers if answer.isdigit()})


@dataclass
class Count:
    """What the API did meanwhile: commands that Redis did not answer, the last of them after so long (s), hits of the caches."""

    failures: float = 0
    seconds: float = 0
    hits: float = 0


@contextmanager
def counted(host: Host) -> Iterator[Count]:
    """Count while the block runs; what it counts is whole when the block has ended."""
    networks = [one["NetworkSettings"]["Networks"]["jiucom-network"] for one in host.inspect()["app"]]
    host.write("/root/count.py", "" if "count.py" in host.run("ls /root") else _COUNT)
    command = f"python3 /root/count.py {' '.join(network['IPAddress'] for network in networks)}"

    def read() -> tuple[float, float]:
        numbers = [float(line) for line in host.run(command).split() if re.fullmatch(r"[\d.]+", line)]
        return sum(numbers[::2]), sum(numbers[1::2])

    count = Count()
    before = read()
    began = time.monotonic()

    def watch() -> None:
        failures, hits = (now - then for now, then in zip(read(), before, strict=True))
        if failures > count.failures:
            count.failures, count.seconds = failures, time.monotonic() - began
        count.hits = hits

    with repeated(watch, 0.2):
        yield count
