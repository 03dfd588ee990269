"""The decaying maximum, cgroup memory, and client addresses."""

from pathlib import Path

import pytest

from jiucom.app import operations
from jiucom.telemetry.client import Gateway
from jiucom.telemetry.http_metrics import BUCKETS, HttpMetrics, _Timer
from jiucom.telemetry.metrics import Metrics
from jiucom.telemetry.runtime import container_memory
from testing.cpu import multiple


def test_the_maximum_is_forgotten_after_three_minutes() -> None:
    """As Micrometer's TimeWindowMax: three windows of a minute."""
    timer = _Timer(0)
    timer.observe(5, 1)
    timer.observe(1, 100)
    assert [timer.maximum(at) for at in (1, 59, 119, 179)] == [5, 5, 5, 5]
    assert timer.maximum(181) == 1
    assert timer.maximum(361) == 0
    assert (timer.count, timer.total) == (2, 6)
    timer.observe(2, 10_000)
    assert timer.maximum(10_001) == 2


def test_unknown_methods_are_one() -> None:
    metrics = HttpMetrics()
    for n in range(100):
        metrics.observe(f"M{n}", None, 404, "none", 0.1)
    family = next(iter(metrics.collect()))
    assert {sample.labels["method"] for sample in family.samples} == {"UNKNOWN"}
    assert {sample.labels["uri"] for sample in family.samples} == {"NOT_FOUND"}


def outcomes(metrics: HttpMetrics) -> dict[str, float]:
    (family,) = (family for family in metrics.collect() if family.name == "jiucom_http_requests")
    return {sample.labels["outcome"]: sample.value for sample in family.samples}


def test_outcomes_are_counted_from_0_and_without_the_machines() -> None:
    """A counter that begins with its first error hides it from rate()."""
    metrics = HttpMetrics()
    names = {"INFORMATIONAL", "SUCCESS", "REDIRECTION", "CLIENT_ERROR", "SERVER_ERROR", "UNKNOWN"}
    assert outcomes(metrics) == dict.fromkeys(names, 0)
    for template, status in (
        ("/parts", 200), ("/parts", 500), (None, 404), (None, 503), ("/posts", 0),
        ("/actuator/prometheus", 200), ("/actuator/health/readiness", 503),
    ):  # fmt: skip
        metrics.observe("GET", template, status, "none", 0.1)
    assert {name: count for name, count in outcomes(metrics).items() if count} == {
        "SUCCESS": 1, "SERVER_ERROR": 2, "CLIENT_ERROR": 1, "UNKNOWN": 1,
    }  # fmt: skip


def test_one_second_is_a_bound_below_the_last() -> None:
    """D6: above the last bound nothing is told apart, and a bucket around 1 s could show 0.6 s as more than that."""
    assert 1.0 in BUCKETS[:-1]


def test_a_request_without_an_answer_has_status_unknown() -> None:
    metrics = HttpMetrics()
    metrics.observe("GET", "/parts", 0, "CancelledError", 0.1)
    sample = next(iter(metrics.collect())).samples[0]
    assert (sample.labels["status"], sample.labels["outcome"]) == ("UNKNOWN", "UNKNOWN")
    assert sample.labels["exception"] == sample.labels["error"] == "CancelledError"


def test_memory_of_cgroup_v2(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("5000\n")
    (tmp_path / "memory.stat").write_text("anon 600\ninactive_file 300\n")
    assert container_memory(tmp_path) == (700, 5000)


def test_memory_of_cgroup_v1(tmp_path: Path) -> None:
    base = tmp_path / "memory"
    base.mkdir()
    (base / "memory.usage_in_bytes").write_text("1000\n")
    (base / "memory.limit_in_bytes").write_text("5000\n")
    (base / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 300\n")
    assert container_memory(tmp_path) == (700, 5000)


@pytest.mark.parametrize("limit", ["max", "9223372036854771712", None])
def test_without_a_limit_the_hosts_memory_is_it(tmp_path: Path, limit: str | None) -> None:
    host = int(Path("/proc/meminfo").read_text().split()[1]) * 1024
    if limit:
        (tmp_path / "memory.current").write_text("1000")
        (tmp_path / "memory.max").write_text(limit)
    used, allowed = container_memory(tmp_path)
    assert allowed == host
    assert 0 < used < host


@pytest.mark.parametrize(
    ("peer", "headers", "expected"),
    [
        ("203.0.113.1", {"x-real-ip": "198.51.100.7"}, "203.0.113.1"),
        ("10.0.0.2", {}, "10.0.0.2"),
        ("10.0.0.2", {"x-real-ip": "198.51.100.7"}, "198.51.100.7"),
        ("10.0.0.2", {"x-real-ip": "2001:db8::7"}, "2001:db8::7"),
        ("10.0.0.2", {"x-real-ip": "<script>", "x-forwarded-for": "198.51.100.7"}, "198.51.100.7"),
        ("10.0.0.2", {"x-forwarded-for": "1.2.3.4, 198.51.100.7, 10.0.0.3"}, "198.51.100.7"),
        ("10.0.0.2", {"x-forwarded-for": "1.2.3.4, nonsense"}, "10.0.0.2"),
        ("::1", {"x-real-ip": "198.51.100.7"}, "198.51.100.7"),
    ],
)
def test_forwarded_addresses_are_believed_from_gateways_only(peer: str, headers: dict[str, str], expected: str) -> None:
    """C7."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "client": (peer, 1), "headers": raw}
    assert Gateway("10.0.0.2, 10.0.0.3/32,::1").client_address(scope) == expected


@pytest.mark.parametrize(
    ("peer", "said", "expected"),
    [
        ("10.0.0.2", "9f2c1e07aa", "9f2c1e07aa"),
        ("203.0.113.1", "9f2c1e07aa", ""),
        ("10.0.0.2", 'a","status":"200', ""),
        ("10.0.0.2", "a\nb", ""),
        ("10.0.0.2", "a\n", ""),
        ("10.0.0.2", "x" * 64, "x" * 64),
        ("10.0.0.2", "x" * 65, ""),
    ],
)
def test_request_ids_are_the_gateway_s_and_fit_a_log(peer: str, said: str, expected: str) -> None:
    scope = {"type": "http", "client": (peer, 1), "headers": [(b"x-request-id", said.encode())]}
    assert Gateway("10.0.0.2").request_id(scope) == expected


def test_no_label_is_a_reserved_one() -> None:
    """It would be stored as `exported_job`, and `job` would say "jiucom-api"."""
    metrics = Metrics()
    metrics.job_last_success.labels("cleanup").set(1)
    metrics.job_duration.labels("cleanup").set(1)
    metrics.http.observe("GET", "/parts", 200, "none", 0.1)
    names = {name for family in metrics.families() for sample in family.samples for name in sample.labels}
    assert {"name", "uri"} < names
    assert names.isdisjoint({"job", "instance"})


def test_a_scrape_of_the_whole_api_is_small_and_quick() -> None:
    """Every operation with four statuses: under 350 KB and quick, with room for the other metrics (15 KB)."""
    metrics = Metrics()
    assert len(operations()) >= 122
    for operation in operations():
        for number, status in enumerate((operation.status, 400, 401, 404), start=1):
            for _ in range(number):
                metrics.http.observe(operation.method, operation.path, status, "none", number / 7)
    assert len(metrics.scrape()) < 330_000
    assert multiple(metrics.scrape) < 7
