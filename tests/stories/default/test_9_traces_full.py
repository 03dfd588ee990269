"""The disk of the stored traces fills up: alerts and the doctor tell it, no request notices, and it ends by itself (H3.3)."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from disks import Disk, small_volume
from doctor import told
from hosts import Host, wait_for
from lasting import ask_prometheus
from loads import LIMITS, load, token

from testing.images import image

ON = (*LIMITS, "-e", "tracing_storage=elasticsearch", "-e", "tracing_elasticsearch_managed=true")
SPARE_MB = 400
# Each ten seconds the figures, each 30 the store's own look at its disk, two minutes of an alert's patience.
SOON = 300


@pytest.fixture(scope="module")
def disk(host: Host) -> Iterator[Disk]:
    """The platform with stored traces, on a small disk."""
    host.load(image("opensearch"))
    host.apply(*ON)
    host.wait_until_healthy()
    with small_volume(host, "opensearch", "jiucom_opensearch-data", SPARE_MB) as made:
        yield made
    host.apply()


def firing(host: Host) -> set[str]:
    """Return the names of the alerts that Prometheus fires."""
    found = ask_prometheus(host, "query?query=" + quote('ALERTS{alertstate="firing"}'))["result"]
    return {one["metric"]["alertname"] for one in found}


def kept(host: Host) -> str:
    """Send a request through the gateway; returns its trace, of which development keeps each."""
    answer = httpx.get(f"http://{host.address}/api/v1/parts", timeout=30).raise_for_status()
    return answer.headers["X-Trace-Id"]


def found(host: Host, trace: str) -> bool:
    """Tell whether Zipkin finds a trace."""
    status, body = host.get(f"/api/v2/trace/{trace}", 9411)
    return status == 200 and len(json.loads(body)) > 0


def stored(host: Host) -> bool:
    """Tell whether a new trace is found soon."""
    trace = kept(host)
    time.sleep(5)
    return found(host, trace)


@pytest.mark.timeout(1800)
def test_a_disk_that_is_nearly_full_is_told_before_anything_is_lost(host: Host, disk: Disk) -> None:
    trace = kept(host)
    wait_for(lambda: found(host, trace), 60, "the trace")
    assert not firing(host) & {"TraceStoreFull", "TraceStoreDown", "SpansDropped"}
    disk.fill(0.11)
    wait_for(lambda: "TraceStoreFull" in firing(host), SOON, "TraceStoreFull")
    later = kept(host)
    wait_for(lambda: found(host, later), 60, "a trace of now")
    assert not firing(host) & {"TraceStoreDown", "SpansDropped"}


@pytest.mark.timeout(1800)
def test_a_full_one_loses_traces_and_no_request(host: Host, disk: Disk) -> None:
    before = kept(host)
    wait_for(lambda: found(host, before), 60, "the trace")
    with load(host, token(host), "traces", rate=30) as seen:
        disk.fill(0.03)
        wait_for(lambda: {"TraceStoreFull", "SpansDropped"} <= firing(host), SOON, "both alerts")
        assert ("trace-jobs", "trace store full") in told(host, *ON)
        assert found(host, before)
        lost = kept(host)
        disk.fill(0)
        # The store gives up when it has to write down its own state meanwhile, and goes on refusing spans when not.
        time.sleep(120)
        assert firing(host) & {"TraceStoreFull", "TraceStoreDown"}
        assert {name for _, name in told(host, *ON)} & {"trace store not reached", "trace store full"}
    assert seen["failed"] == []
    assert not found(host, lost)


@pytest.mark.timeout(1800)
def test_with_space_it_goes_on_by_itself(host: Host, disk: Disk) -> None:
    disk.empty()
    began = time.monotonic()
    wait_for(lambda: stored(host), SOON, "a trace of now")
    print(f"traces are stored {time.monotonic() - began:.0f} s after there was space")
    host.wait_until_healthy()
    wait_for(
        lambda: not firing(host) & {"TraceStoreFull", "TraceStoreDown", "SpansDropped", "TraceJobFailed"},
        600,
        "the end",
    )
    assert told(host, *ON) == set()
