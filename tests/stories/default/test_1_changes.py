"""A second run changes nothing, a changed value only its service, a wrong one nothing. By hand: verify/test_drift.py."""

from __future__ import annotations

import json

import pytest
from hosts import Host, wait_for
from lasting import ask_prometheus

from testing.images import image

# The report of drift, and its timer in seconds instead of days.
REPORTED = ("-e", "stack_drift_report=daily")
SOON = "/run/systemd/system/jiucom-drift.timer.d"


def test_check_mode_tells_the_truth_and_touches_no_container(host: Host) -> None:
    before = host.ids()
    changed, _ = host.apply("--check", "--diff")
    assert changed == 0
    assert host.ids() == before


def test_a_changed_limit_recreates_its_service_alone(host: Host) -> None:
    before = host.ids()
    _, output = host.apply("-e", '{"platform_services_overrides": {"zipkin": {"memory": "600m"}}}')
    assert "zipkin: its definition in compose.yaml changed" in output
    after = host.inspect()
    assert after["zipkin"][0]["HostConfig"]["Memory"] == 600 * 2**20
    assert {name for name in after if {c["Id"] for c in after[name]} != before[name]} == {"zipkin"}
    # As Compose itself counts it: the next run, and the manual's own `up`, find nothing to do.
    hashes = dict(line.split() for line in host.run("docker compose config --hash zipkin").splitlines())
    assert after["zipkin"][0]["Config"]["Labels"]["com.docker.compose.config-hash"] == hashes["zipkin"]


def test_a_service_that_is_turned_off_goes_and_its_data_stays(host: Host) -> None:
    host.load(image("alertmanager"))
    on = {"monitoring_alertmanager_enabled": True, "monitoring_alertmanager_slack_url": "http://127.0.0.1:9/hook"}
    host.apply("-e", json.dumps(on))
    host.run("docker compose exec -T alertmanager sh -c 'echo kept > /alertmanager/kept'")
    host.apply()
    assert "alertmanager" not in host.inspect()
    assert "alertmanager" not in host.run("ls -A . .services .applied && cat compose.yaml")
    assert host.run("cat $(docker volume inspect --format '{{.Mountpoint}}' jiucom_alertmanager-data)/kept") == "kept\n"


def test_a_broken_template_is_caught_before_it_replaces_the_running_one(host: Host) -> None:
    before, running = host.ids(), host.run("cat nginx/conf/nginx.conf prometheus/conf/prometheus.yml")
    for variable, said in {
        "gateway_max_body=plenty": "client_max_body_size",
        "monitoring_scrape_interval=often": "often",
    }.items():
        code, output = host.playbook("-e", variable)
        assert code != 0
        assert said in output
    assert host.run("cat nginx/conf/nginx.conf prometheus/conf/prometheus.yml") == running
    assert host.ids() == before
    assert host.get("/api/v1/parts?size=1")[0] == 200


def test_a_restart_of_the_daemon_keeps_the_containers(host: Host) -> None:
    before = host.started()
    host.run("systemctl restart docker")
    host.wait_until_healthy(60)
    assert host.started() == before


def differences(host: Host) -> str:
    """Return what Prometheus has read of the report of drift: how many things differ, empty without a report."""
    found = ask_prometheus(host, "query?query=jiucom_drift_differences")["result"]
    return str(found[0]["value"][1]) if found else ""


def firing(host: Host) -> bool:
    """Say whether the alert of drift fires."""
    alerts = ask_prometheus(host, "alerts")["alerts"]
    return any(one["labels"]["alertname"] == "Drift" and one["state"] == "firing" for one in alerts)


@pytest.mark.timeout(900)
def test_what_differs_is_reported_by_the_clock_until_it_is_put_right(host: Host) -> None:
    on_time = f"rm -rf {SOON} && systemctl daemon-reload"
    try:
        host.apply(*REPORTED)
        wait_for(lambda: differences(host) == "0", 60, "a first report")
        host.run(f"mkdir -p {SOON} && printf '[Timer]\\nOnCalendar=\\nOnCalendar=*:*:0/10\\n' > {SOON}/soon.conf")
        host.run("systemctl daemon-reload && systemctl restart jiucom-drift.timer")
        host.write("redis/conf/redis.conf", "\nmaxclients 77\n")
        wait_for(lambda: differences(host) == "1", 90, "the difference in the metrics")
        wait_for(lambda: firing(host), 180, "the alert")
        assert "redis.conf was edited" in host.run("cat $(ls drift/reports/*.txt | tail -n 1)")
        host.run(f"{on_time} && systemctl restart jiucom-drift.timer")
        host.apply(*REPORTED)
        # site.yml writes a new report at its end, before the timer does.
        wait_for(lambda: differences(host) == "0", 60, "the metrics without the difference")
        wait_for(lambda: not firing(host), 60, "the end of the alert")
        host.unchanged(*REPORTED)
    finally:
        host.run(on_time)
        host.apply()
    assert host.run("systemctl list-unit-files --no-legend 'jiucom-drift*'", check=False) == ""
    assert "redis.conf was edited" in host.run("cat $(ls drift/reports/*.txt | tail -n 1)")
