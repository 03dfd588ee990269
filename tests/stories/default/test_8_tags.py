"""Each tag of site.yml changes what it names and nothing else, when a value of every role is another one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hosts import Host

# A value of each role, none of which another role reads.
VALUES = json.dumps(
    {
        "database_slow_query_seconds": 2,
        "cache_maxmemory_policy": "allkeys-lru",
        "api_log_level": "WARNING",
        "monitoring_retention": "14d",
        "tracing_max_spans": 1000,
        "gateway_rate_burst": 51,
    }
)
# In this order: what is applied stays, so that each tag finds the other roles' values still waiting.
CHANGES: dict[str, set[str]] = {
    "preflight": set(),
    "docker": set(),
    "images": set(),
    "database": {"mysql"},
    "cache": {"redis"},
    "tracing": {"zipkin"},
    "gateway": {"nginx"},
    "monitoring": {"prometheus"},
    "api": {"app"},
    # Brings up what the roles have written: nothing is left.
    "stack": set(),
}

# Files and definition of a service, and what it read last.
OWNER = re.compile(r"\./(?:\.services/|\.applied/)?([a-z-]+)")


def files(host: Host) -> dict[str, str]:
    """Return the checksum of each file of a service, by path; not those that say what any run has done."""
    lines = host.run(
        "find ./.services ./.applied ./[a-z]* -type f ! -name compose.yaml ! -name audit.log -exec sha256sum {} +"
    ).splitlines()
    return {path: checksum for checksum, path in (line.split(maxsplit=1) for line in lines)}


@pytest.fixture(scope="module", autouse=True)
def as_before(host: Host) -> Iterator[None]:
    """Give each role its value back."""
    yield
    host.apply()


@pytest.mark.parametrize(("tag", "services"), CHANGES.items())
def test_a_tag_changes_its_services_alone(host: Host, tag: str, services: set[str]) -> None:
    before, written = host.started(), files(host)
    code, output = host.playbook("-e", VALUES, "--tags", tag)
    assert code == 0, output[-3000:]
    now, after = files(host), host.started()
    restarted = {name for name in after if after[name] != before[name]}
    rewritten = {OWNER.findall(path)[0] for path, _ in now.items() ^ written.items()}
    assert restarted | rewritten == services


def test_nothing_is_left_to_change(host: Host) -> None:
    assert host.apply("-e", VALUES)[0] == 0
