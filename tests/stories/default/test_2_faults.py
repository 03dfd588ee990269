"""Each health check is red when its service cannot do its work, and a lost Zipkin costs nobody anything (E3)."""

from __future__ import annotations

import time

from hosts import SERVICES, Host, wait_for


def lost_spans(host: Host) -> float:
    """Read the API's counter of spans that Zipkin never got."""
    _, metrics = host.get("/api/v1/actuator/prometheus")
    return sum(float(line.split()[-1]) for line in metrics.splitlines() if line.startswith("jiucom_spans_lost_total"))


def test_zipkin_gone_changes_no_answer(host: Host) -> None:
    host.run("docker compose stop zipkin")
    try:
        start = time.monotonic()
        statuses = [host.get(f"/api/v1/parts?minPrice={n}&size=1")[0] for n in range(20)]
        assert statuses == [200] * 20
        assert time.monotonic() - start < 10
        wait_for(lambda: lost_spans(host) > 0, 30, "the loss is counted")
    finally:
        host.run("docker compose start zipkin")


def test_health_checks_ask_what_only_the_working_service_answers(host: Host) -> None:
    """Every main process is stopped by a signal: it lives, its port is open, and it does nothing."""
    pids = {name: group[0]["State"]["Pid"] for name, group in host.inspect().items()}
    assert set(pids) == set(SERVICES)
    for name, pid in pids.items():
        # nginx answers from its workers, zipkin's and mysqld's are threads of the one process.
        host.run(f"kill -STOP {pid} $(pgrep -P {pid} || true)", check=name != "nginx")
    try:
        wait_for(lambda: set(host.health().values()) == {"unhealthy"}, 240, "every service unhealthy")
    finally:
        for pid in pids.values():
            host.run(f"kill -CONT {pid} $(pgrep -P {pid} || true)", check=False)
    wait_for(lambda: set(host.health().values()) == {"healthy"}, 120, "every service healthy again")


def test_exporters_are_red_while_their_database_is_gone(host: Host) -> None:
    host.run("docker compose stop redis mysql")
    try:
        wait_for(
            lambda: host.health()["redis-exporter"] == host.health()["mysql-exporter"] == host.health()["app"] == "unhealthy",
            180, "both exporters and the API unhealthy",
        )  # fmt: skip
    finally:
        host.run("docker compose start mysql redis")
    wait_for(lambda: set(host.health().values()) == {"healthy"}, 120, "every service healthy again")
