"""Redis or Zipkin is away for an hour of 3 requests a second, sent in three minutes: memory is bounded, all comes back (E3)."""

from __future__ import annotations

import re
import time

import pytest
from hosts import Host, wait_for
from loads import load, rows

# 10,800 requests, as an hour of 3 a second has. What grows with time alone is not seen here.
RATE, SECONDS = 60, 180
MEBIBYTE = 2**20
HIT = 'result="hit"'


def metric(host: Host, name: str, label: str = "") -> float:
    """Read a metric of the API, summed over its labels, or over those series that have this one."""
    _, text = host.get("/api/v1/actuator/prometheus")
    found = re.findall(rf"^{name}(?:{{[^}}]*{label}[^}}]*}}){'' if label else '?'} (\S+)$", text, re.MULTILINE)
    assert found, f"{name} is not among the metrics"
    return sum(map(float, found))


def memory_meanwhile(host: Host, seconds: float) -> list[float]:
    """Read the memory of the API's process until the time is over (MiB)."""
    end, seen = time.monotonic() + seconds, []
    while time.monotonic() < end:
        seen.append(metric(host, "process_resident_memory_bytes") / MEBIBYTE)
        time.sleep(5)
    return seen


def assert_bounded(seen: list[float]) -> None:
    """The second half of the time takes no more memory than the first, but for what allocators keep."""
    half = len(seen) // 2
    assert max(seen[half:]) < 1.15 * max(seen[:half]), seen


@pytest.mark.timeout(900)
def test_zipkin_away_costs_no_request(host: Host, access: str) -> None:
    before = metric(host, "jiucom_spans_lost_total")
    with load(host, access, "no-zipkin", rate=RATE) as told:
        host.run("docker compose stop zipkin")
        try:
            seen = memory_meanwhile(host, SECONDS)
            lost = metric(host, "jiucom_spans_lost_total") - before
        finally:
            host.run("docker compose start zipkin")
        host.wait_until_healthy()
        sent = metric(host, "jiucom_spans_sent_total")
        wait_for(lambda: metric(host, "jiucom_spans_sent_total") > sent + 100, 120, "spans at Zipkin again")
        lost_then = metric(host, "jiucom_spans_lost_total")
        wait_for(lambda: metric(host, "jiucom_spans_sent_total") > sent + 1000, 120, "more spans at Zipkin")
        assert metric(host, "jiucom_spans_lost_total") == lost_then
    print(f"zipkin: {told['sent']} sent, {lost:.0f} spans lost, memory {seen[0]:.0f} to {max(seen):.0f} MiB")
    assert told["failed"] == []
    assert rows(host, "no-zipkin") == told["written"] > 0
    # Each request has at least one span; of all those what waits in the buffer is not lost yet.
    assert lost > RATE * SECONDS / 2
    assert_bounded(seen)


@pytest.mark.timeout(900)
def test_redis_away_costs_no_write(host: Host, access: str) -> None:
    before = metric(host, "jiucom_redis_failures_total")
    with load(host, access, "no-redis", rate=RATE) as told:
        host.run("docker compose stop redis")
        try:
            seen = memory_meanwhile(host, SECONDS)
            failures = metric(host, "jiucom_redis_failures_total") - before
        finally:
            host.run("docker compose start redis")
        host.wait_until_healthy()
        failed_then = metric(host, "jiucom_redis_failures_total")
        hits = metric(host, "jiucom_cache_requests_total", HIT)
        wait_for(
            lambda: metric(host, "jiucom_cache_requests_total", HIT) > hits + 1000, 120, "answers from the cache again"
        )
        assert metric(host, "jiucom_redis_failures_total") == failed_then
    print(
        f"redis: {told['sent']} sent, {told['statuses']} failed, slowest {told['slowest']} s, {failures:.0f} commands without "
        f"an answer, memory {seen[0]:.0f} to {max(seen):.0f} MiB"
    )
    assert told["failed"] == []
    assert rows(host, "no-redis") == told["written"] > 0
    assert failures > 0
    assert_bounded(seen)
