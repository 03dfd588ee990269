"""Exporters whose counters are functions of the time: what Prometheus must answer is known beforehand.

The same functions write the past, for `promtool tsdb create-blocks-from openmetrics`: no test waits until five
minutes of data have come together.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator

from prometheus_client.core import Metric
from prometheus_client.registry import Collector

# Requests per second by method, route and status.
RATES = {("GET", "/parts", "200"): 40.0, ("GET", "/parts", "500"): 1.0, ("POST", "/builds", "201"): 9.0}
ALL = sum(RATES.values())
MEAN_SECONDS = 0.05
# Health checks that fail, and slowly: counted among the requests, they would spoil every figure.
CHECKS, CHECK_SECONDS = 10.0, 0.5
# What the API counts by outcome, from 0 on: no check among them.
OUTCOMES = {"SUCCESS": 49.0, "SERVER_ERROR": 1.0}
BUCKETS = {"0.005": 0.5, "0.03": 0.95, "0.2": 0.99, "1.0": 0.995, "5.0": 1.0, "+Inf": 1.0}
MEMORY, MEMORY_LIMIT = 256 * 2**20, 2**30
THREADS = 12
COLLECTIONS = {"0": 2.0, "1": 0.5, "2": 0.1}
POOL = {"size": 10, "used": 4, "idle": 6, "waiting": 0}
READS = {"primary": 30.0, "replica": 10.0}
QUERIES, SLOW = 120.0, 0.1
COMMANDS = {"select": 100.0, "insert": 5.0, "begin": 3.0}

# An alert that fired all the while, evaluated every 15 s.
FIRED = {"alertname": "PoolExhausted", "alertstate": "firing", "severity": "critical"}

JOBS = ("jiucom-api", "redis-exporter", "mysql-exporter", "mysql-replica", "backup", "zipkin", "trace-jobs")
PAST_SECONDS = 900
STARTED = int(time.time()) // 15 * 15 - PAST_SECONDS

# Eight days ago: requests within a quarter of an hour, and how long each took.
LAST_WEEK, LAST_WEEK_SECONDS = 9000.0, 0.08

Sample = tuple[str, dict[str, str], float]


def samples(job: str, moment: float) -> Iterator[Sample]:
    """What a job's exporter says at a moment: names as docs/architecture.md and the exporters have them."""
    age = moment - STARTED
    made = {
        "jiucom-api": _api,
        "redis-exporter": _redis,
        "mysql-exporter": _mysql,
        "mysql-replica": _mysql,
        "backup": _backup,
        "zipkin": _zipkin,
        "trace-jobs": _traces,
    }
    return made[job](age)


def _api(age: float) -> Iterator[Sample]:
    for (method, uri, status), rate in {**RATES, ("GET", "/actuator/health", "500"): CHECKS}.items():
        outcome = "SERVER_ERROR" if status == "500" else "SUCCESS"
        labels = {"method": method, "uri": uri, "status": status, "outcome": outcome, "exception": "None"}
        yield "http_server_requests_seconds_count", labels, rate * age
        seconds = MEAN_SECONDS if (method, uri, status) in RATES else CHECK_SECONDS
        yield "http_server_requests_seconds_sum", labels, rate * age * seconds
        yield "http_server_requests_seconds_max", labels, 0.2
    for outcome, rate in OUTCOMES.items():
        yield "jiucom_http_requests_total", {"outcome": outcome}, rate * age
    for le, share in BUCKETS.items():
        labels = {"method": "GET", "uri": "/parts", "le": le}
        yield "http_server_requests_duration_seconds_bucket", labels, share * 41 * age
    yield "jiucom_memory_used_bytes", {}, MEMORY
    yield "jiucom_memory_limit_bytes", {}, MEMORY_LIMIT
    yield "process_resident_memory_bytes", {}, MEMORY / 2
    yield "jiucom_threads", {}, THREADS
    for generation, rate in COLLECTIONS.items():
        yield "jiucom_gc_pause_seconds_count", {"generation": generation}, rate * age
        yield "jiucom_gc_pause_seconds_sum", {"generation": generation}, rate * age / 1000
    yield "jiucom_gc_pause_seconds_max", {}, 0.01
    for name, value in POOL.items():
        yield f"jiucom_db_pool_{name}", {}, value
    yield "jiucom_db_acquire_seconds_count", {}, 50 * age
    yield "jiucom_db_acquire_seconds_sum", {}, 0.05 * age
    for server, rate in READS.items():
        yield "jiucom_db_reads_total", {"server": server}, rate * age
    yield "jiucom_db_replica_in_use", {"replica": "mysql-replica-1"}, 1
    yield "jiucom_db_replica_lag_seconds", {"replica": "mysql-replica-1"}, 0.4


def _redis(age: float) -> Iterator[Sample]:
    yield "redis_up", {}, 1
    yield "redis_connected_clients", {}, 7
    yield "redis_blocked_clients", {}, 0
    yield "redis_memory_used_bytes", {}, 30 * 2**20
    yield "redis_memory_max_bytes", {}, 100 * 2**20
    yield "redis_commands_processed_total", {}, COMMANDS["select"] * age
    yield "redis_cluster_slots_ok", {}, 16384
    yield "redis_connected_slaves", {}, 1
    yield "redis_instance_info", {"role": "master"}, 1


def _mysql(age: float) -> Iterator[Sample]:
    yield "mysql_up", {}, 1
    yield "mysql_global_status_threads_connected", {}, 9
    yield "mysql_global_status_threads_running", {}, 2
    yield "mysql_global_status_queries", {}, QUERIES * age
    yield "mysql_global_status_slow_queries", {}, SLOW * age
    for command, rate in COMMANDS.items():
        yield "mysql_global_status_commands_total", {"command": command}, rate * age


def _backup(age: float) -> Iterator[Sample]:
    yield "jiucom_binlog_copied_timestamp_seconds", {}, STARTED + age - 10
    for name in ("binlog_shipped", "backup_shipped", "backup_success", "restore_proved"):
        yield f"jiucom_{name}_timestamp_seconds", {}, STARTED - 3600
    yield "jiucom_backup_size_bytes", {}, 5 * 2**20
    yield "jiucom_backup_dump_bytes", {}, 3 * 2**20


def _zipkin(age: float) -> Iterator[Sample]:
    yield "zipkin_collector_spans_total", {"transport": "http"}, 20 * age
    yield "zipkin_collector_spans_dropped_total", {"transport": "http"}, 0


def _traces(_age: float) -> Iterator[Sample]:
    figures = {"store_up": 1, "store_status": 0, "read_only_indices": 0, "bytes": 50 * 2**20}
    figures |= {"disk_available_bytes": 60, "disk_total_bytes": 100, "oldest_timestamp_seconds": STARTED - 3600}
    for name, value in figures.items():
        yield f"jiucom_traces_{name}", {}, value


class Exporter(Collector):
    """A job's metrics now, for prometheus_client's server."""

    def __init__(self, job: str) -> None:
        self._job = job

    def collect(self) -> Iterable[Metric]:
        metrics: dict[str, Metric] = {}
        for name, labels, value in samples(self._job, time.time()):
            metric = metrics.setdefault(name, Metric(name, name, "untyped"))
            metric.add_sample(name, labels, value)
        return metrics.values()


def past(job: str, instance: str) -> str:
    """A job's metrics of the last quarter of an hour, as OpenMetrics with the labels that a scrape would add."""
    found: dict[str, dict[str, list[str]]] = {}  # by name and series: a series' samples must come in order of time
    for moment in range(STARTED, int(time.time())):  # as often as the live ones
        fired = [("ALERTS", FIRED, 1.0)] if job == "jiucom-api" and moment % 15 == 0 else []
        for name, labels, value in [("up", {}, 1.0), *fired, *samples(job, moment)]:
            pairs = ",".join(f'{key}="{text}"' for key, text in {**labels, "job": job, "instance": instance}.items())
            found.setdefault(name, {}).setdefault(pairs, []).append(f"{name}{{{pairs}}} {value} {moment}")
    lines = [
        f"# TYPE {name} unknown\n" + "\n".join(itertools.chain(*series.values())) for name, series in found.items()
    ]
    return "\n".join([*lines, "# EOF", ""])


def last_week() -> str:
    """The API's requests of last week, as OpenMetrics; a file of its own, because promtool reads one once for every two hours."""
    end = STARTED - 8 * 24 * 3600
    all_series = {
        "http_server_requests_seconds_count": {'uri="/parts"': LAST_WEEK},
        "http_server_requests_seconds_sum": {'uri="/parts"': LAST_WEEK * LAST_WEEK_SECONDS},
        "jiucom_http_requests_total": {'outcome="SUCCESS"': LAST_WEEK, 'outcome="SERVER_ERROR"': 0.0},
    }
    lines = []
    for metric, series in all_series.items():
        lines.append(f"# TYPE {metric} unknown")
        lines += [
            f'{metric}{{job="jiucom-api",instance="last-week",{label}}} {value * age / PAST_SECONDS} {end - PAST_SECONDS + age}'
            for label, value in series.items()
            for age in range(0, PAST_SECONDS + 1, 15)
        ]
    return "\n".join([*lines, "# EOF", ""])
